import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { EngineUnavailable, ImageBuildFailed } from '../../model/errors.ts';
import { asEngineError, unlessStatus } from '../engine-errors.ts';
import type { BuildOptions, BuildResult, EngineInfo } from '../engine.ts';
import { madeImage } from '../images/made-image.ts';
import { errorInProgress, jsonLines } from '../json-lines.ts';
import { hostProxies } from '../sidecar/host-proxies.ts';
import { BuildLog } from './build-log.ts';
import { buildError } from './build-error.ts';
import { decodeTrace } from './trace.ts';

export interface Builder {
  readonly docker: Docker;
  readonly address: string;
  readonly info: Pick<EngineInfo, 'imageStore'>;
  /** What layers are compressed with, where it can be said. */
  readonly layers: 'gzip' | 'zstd';
}

/**
 * Builds a context tar with the engine's BuildKit. An abort cancels the build in the engine too.
 *
 * @throws {ImageBuildFailed} when a step of the Dockerfile, or the Dockerfile itself, is wrong, or no file comes of it.
 * @throws {BaseUnavailable} when an image that it names is neither in the engine nor to be had.
 * @throws {EngineUnavailable} when the engine went away, or somebody has removed from it what was built. @throws {EngineOutOfSpace}
 */
export async function buildImage(
  builder: Builder,
  context: Readable,
  options: BuildOptions,
): Promise<BuildResult> {
  const { signal, imageName, onOutput, onProgress, cacheFrom, shownNames = [] } = options;
  const buildId = randomUUID();
  const names = [...shownNames, ...(cacheFrom ? [[cacheFrom.reference, cacheFrom.name] as const] : [])];
  const shown = (text: string): string =>
    names.reduce((before, [name, other]) => before.replaceAll(name, other), text);
  const log = new BuildLog({
    onText: (text) => onOutput(shown(text)),
    onStep: (name) => onProgress?.({ message: shown(name) }),
  });
  let contextError: Error | undefined;
  context.once('error', (error) => (contextError = error));
  signal.throwIfAborted();
  try {
    const response = await startBuild(builder, context, { ...options, buildId });
    let engineImageId: string | undefined;
    for await (const document of jsonLines(response)) {
      const message = errorInProgress(document);
      if (message !== undefined)
        throw buildError({ imageName, message: shown(message), log, shown, address: builder.address });
      const aux = auxOf(document);
      if (aux?.id === 'moby.buildkit.trace' && typeof aux.value === 'string') log.add(decodeTrace(aux.value));
      if (aux?.id === 'moby.image.id') engineImageId = (aux.value as { ID?: string }).ID;
    }
    if (engineImageId === undefined)
      throw new EngineUnavailable(builder.address, `build of image "${imageName}" ended without a result`);
    await expectFiles(builder, engineImageId, imageName);
    return { engineImageId, ...log.counts };
  } catch (error) {
    if (signal.aborted) await cancelBuild(builder.docker, buildId);
    else if (contextError) throw contextError;
    throw asEngineError(error, { address: builder.address, doing: `build image "${imageName}"`, signal });
  } finally {
    context.destroy();
  }
}

/** Of `FROM scratch` and nothing but labels and variables comes an image that no engine saves or pushes. */
async function expectFiles(
  { docker, address }: Builder,
  engineImageId: string,
  imageName: string,
): Promise<void> {
  const found = await unlessStatus([404], () => docker.getImage(engineImageId).inspect());
  if (!found)
    throw new EngineUnavailable(address, `build of image "${imageName}" ended, and somebody has removed it`);
  if (madeImage(found).layers.length > 0) return;
  throw new ImageBuildFailed(imageName, { lastLines: [] }, 'it has no files: COPY or RUN something in it');
}

function startBuild(
  { docker, info, layers }: Builder,
  context: Readable,
  options: BuildOptions & { readonly buildId: string },
): Promise<Readable> {
  const query = {
    version: '2',
    t: options.tag,
    buildid: options.buildId,
    // By which proxy a `RUN` reached the world makes it no other step. What was built by which step stands in the image itself by the
    // last one, and goes with it to other engines.
    buildargs: { ...hostProxies(), ...options.args, BUILDKIT_INLINE_CACHE: '1' },
    ...(options.cacheFrom ? { cachefrom: JSON.stringify([options.cacheFrom.reference]) } : {}),
    labels: options.labels ?? {},
    ...(options.platform ? { platform: options.platform } : {}),
    ...(options.fresh ? { nocache: 'true' } : {}),
    ...(options.network ? { networkmode: options.network } : {}),
    ...(info.imageStore === 'containerd' ? { outputs: outputsOf(layers) } : {}),
  };
  // Not dockerode's `buildImage`: that opens a BuildKit session which it never closes when the build is aborted.
  const request = {
    path: '/build?',
    method: 'POST',
    file: context,
    options: query,
    abortSignal: options.signal,
    isStream: true,
    headers: { 'Content-Type': 'application/x-tar' },
    statusCodes: { 200: true },
  };
  return new Promise((resolve, reject) => {
    docker.modem.dial(request, (error: unknown, response: unknown) =>
      error ? reject(error as Error) : resolve(response as Readable),
    );
  });
}

/**
 * The containerd store compresses layers at the end of a build, on one core. The quickest level of either: the default of gzip
 * takes several times as long for a few percent.
 */
function outputsOf(compression: 'gzip' | 'zstd'): string {
  return JSON.stringify([{ Type: 'moby', Attrs: { compression, 'compression-level': '1' } }]);
}

/** The engine cancels a build whose request is closed; asking for it as well covers a proxy that keeps the request open. */
async function cancelBuild(docker: Docker, buildId: string): Promise<void> {
  const request = {
    path: '/build/cancel?',
    options: { id: buildId },
    method: 'POST',
    statusCodes: { 200: true, 204: true, 404: true },
  };
  await new Promise<void>((resolve) => docker.modem.dial(request, () => resolve()));
}

function auxOf(document: unknown): { readonly id: string; readonly value: unknown } | undefined {
  if (typeof document !== 'object' || document === null || !('aux' in document)) return undefined;
  return { id: 'id' in document ? String(document.id) : '', value: document.aux };
}
