import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { EngineUnavailable, ImageUnavailable } from '../../model/errors.ts';
import type { EngineImages, EngineInfo, RegistryPull } from '../engine.ts';
import { unlessStatus } from '../engine-errors.ts';
import { errorInProgress, jsonLines } from '../json-lines.ts';
import type { AskWith, RegistryLogin } from '../registry/registry-login.ts';
import { findLogin } from '../registry/registry-login.ts';
import { unlessIdle } from '../unless-idle.ts';
import { parseReference } from './image-reference.ts';
import { findOfPlatform, isForPlatform } from './platform-of-image.ts';
import { pulledImage } from './pulled-image.ts';
import { asRegistryError } from './registry-answer.ts';

/** How often a pull is repeated whose name has an image of another platform afterwards. */
const PULLS = 5;

/** Engines tell of each piece that arrives; while they unpack, or serve others first, they may be silent for a while. */
const IDLE_MS = 5 * 60_000;

export type PullOptions = Omit<Parameters<EngineImages['pull']>[1], 'hold'>;

export interface PullFrom extends AskWith {
  readonly docker: Docker;
  readonly address: string;
  readonly info: AskWith['info'] & Pick<EngineInfo, 'imageStore'>;
  /** A pull of which nothing is heard for so long is given up; default five minutes. */
  readonly idleMs?: number;
}

/**
 * Pulls an image from outside as `docker pull` does, with the credentials that its registry has in the engine's file of them; without a
 * tag it is `latest`, without a platform whatever the engine takes.
 *
 * @throws {ImageUnavailable} when the registry says that it has none, or not for us, or it is of another architecture.
 * @throws {ConfigInvalid} when that file is wrong.
 * @throws {EngineRequestFailed} when it cannot be reached, is in trouble, says nothing, or has enough of us for now.
 * @throws {EngineUnavailable} also when somebody has removed it from the engine as soon as it had come. @throws {EngineOutOfSpace}
 */
export async function pullImage(
  from: PullFrom,
  reference: string,
  options: PullOptions,
): Promise<RegistryPull> {
  const { docker, address, info, idleMs = IDLE_MS } = from;
  const { platform, signal } = options;
  const { repository, tag, digest } = parseReference(reference);
  const name = digest ? `${repository}@${digest}` : `${repository}:${tag ?? 'latest'}`;
  const doing = `pull image ${reference}`;
  signal.throwIfAborted();
  const login = await findLogin(from, reference, { doing, signal });
  try {
    for (let pulls = 1; ; pulls += 1) {
      await pullOnce(docker, { ...options, name, login, idleMs });
      const image = await unlessStatus([404], () => docker.getImage(name).inspect());
      if (!image) throw new EngineUnavailable(address, `${doing}: it came, and somebody has removed it`);
      const { Id: id, Os: os, Architecture: architecture } = image;
      const pulled = pulledImage(image, name, info);
      if (platform === undefined) return pulled;
      const own = info.imageStore === 'containerd' ? await findOfPlatform(docker, id, platform) : undefined;
      if (own !== undefined && own !== id) {
        // With all its platforms under one id, any of them might be published.
        await pullOnce(docker, { ...options, name: `${repository}@${own}`, login, idleMs });
        return { ...pulled, engineImageId: own };
      }
      if (isForPlatform({ os, architecture }, platform)) return pulled;
      // Somebody may have pulled it for another platform meanwhile, and has the name now.
      if (pulls === PULLS)
        throw new ImageUnavailable(reference, `it is for ${os}/${architecture}, not for ${platform}`);
    }
  } catch (error) {
    throw asRegistryError(error, { reference, address, doing, login, signal });
  }
}

async function pullOnce(
  docker: Docker,
  {
    name,
    login,
    idleMs,
    platform,
    signal,
    onProgress,
  }: PullOptions & { readonly name: string; readonly login: RegistryLogin; readonly idleMs: number },
): Promise<void> {
  const { repository, tag, digest } = parseReference(name);
  await unlessIdle({ idleMs, signal }, async (abortSignal, heard) => {
    const stream = (await docker.createImage(login.authconfig, {
      fromImage: repository,
      tag: digest ?? tag,
      ...(platform === undefined ? {} : { platform }),
      abortSignal,
    })) as Readable;
    for await (const document of jsonLines(stream)) {
      heard();
      const message = errorInProgress(document);
      if (message !== undefined) throw new Error(message);
      const { status } = document as { status?: string };
      if (status) onProgress?.({ message: status });
    }
  });
}
