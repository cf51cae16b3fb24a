import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { EngineRequestFailed, ImageUnavailable } from '../../model/errors.ts';
import { asEngineError, detailOf, statusCodeOf } from '../engine-errors.ts';
import type { EngineImages, EngineInfo, RegistryPull } from '../engine.ts';
import { errorInProgress, jsonLines } from '../json-lines.ts';
import { parseReference } from './image-reference.ts';
import { findOfPlatform, isForPlatform } from './platform-of-image.ts';

/** A registry's final answers. Engines hand its trouble on as 500. */
const FINAL_STATUSES = [400, 401, 403, 404];
/** In the stream of a pull that had begun there is no status, only the registry's error code in words. */
const FINAL_WORDS = /not found|manifest unknown|no matching manifest|denied|unauthorized/i;
/** How often a pull is repeated whose name has an image of another platform afterwards. */
const PULLS = 5;

export type PullOptions = Parameters<EngineImages['pull']>[1];

export interface PullFrom {
  readonly docker: Docker;
  readonly address: string;
  readonly info: Pick<EngineInfo, 'imageStore'>;
}

/**
 * Pulls an image from outside as `docker pull` does; without a tag it is `latest`, without a platform whatever the engine takes.
 *
 * @throws {ImageUnavailable} when the registry says that it has none, or not for us, or it is of another architecture.
 * @throws {EngineRequestFailed} when it cannot be reached. @throws {EngineUnavailable} {EngineOutOfSpace}
 */
export async function pullImage(
  from: PullFrom,
  reference: string,
  options: PullOptions,
): Promise<RegistryPull> {
  const { docker, address, info } = from;
  const { platform, signal } = options;
  const { repository, tag, digest } = parseReference(reference);
  const name = digest ? `${repository}@${digest}` : `${repository}:${tag ?? 'latest'}`;
  signal.throwIfAborted();
  try {
    for (let pulls = 1; ; pulls += 1) {
      await pullOnce(docker, reference, { ...options, name });
      const { Id: id, Os: os, Architecture: architecture } = await docker.getImage(name).inspect();
      if (platform === undefined) return { engineImageId: id };
      const own = info.imageStore === 'containerd' ? await findOfPlatform(docker, id, platform) : undefined;
      if (own !== undefined && own !== id) {
        // With all its platforms under one id, any of them might be published.
        await pullOnce(docker, reference, { ...options, name: `${repository}@${own}` });
        return { engineImageId: own };
      }
      if (isForPlatform({ os, architecture }, platform)) return { engineImageId: id };
      // Somebody may have pulled it for another platform meanwhile, and has the name now.
      if (pulls === PULLS)
        throw new ImageUnavailable(reference, `it is for ${os}/${architecture}, not for ${platform}`);
    }
  } catch (error) {
    if (!signal.aborted && FINAL_STATUSES.includes(statusCodeOf(error) ?? 0))
      throw new ImageUnavailable(reference, detailOf(error), { cause: error });
    throw asEngineError(error, { address, doing: `pull image ${reference}`, signal });
  }
}

async function pullOnce(
  docker: Docker,
  reference: string,
  { name, platform, signal, onProgress }: PullOptions & { readonly name: string },
): Promise<void> {
  const { repository, tag, digest } = parseReference(name);
  const stream = (await docker.createImage({
    fromImage: repository,
    tag: digest ?? tag,
    ...(platform === undefined ? {} : { platform }),
    abortSignal: signal,
  })) as Readable;
  for await (const document of jsonLines(stream)) {
    const message = errorInProgress(document);
    if (message !== undefined) throw pullError(reference, message);
    const { status } = document as { status?: string };
    if (status) onProgress?.({ message: status });
  }
}

function pullError(reference: string, message: string): Error {
  if (FINAL_WORDS.test(message)) return new ImageUnavailable(reference, message);
  return new EngineRequestFailed(`pull image ${reference}`, 500, message);
}
