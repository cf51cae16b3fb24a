import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { EngineRequestFailed, ImageUnavailable } from '../../model/errors.ts';
import { asEngineError, detailOf, statusCodeOf } from '../engine-errors.ts';
import type { RegistryPull, StepOptions } from '../engine.ts';
import { errorInProgress, jsonLines } from '../json-lines.ts';
import { parseReference } from './image-reference.ts';

/** A registry's final answers. Engines hand its trouble on as 500. */
const FINAL_STATUSES = [400, 401, 403, 404];
/** In the stream of a pull that had begun there is no status, only the registry's error code in words. */
const FINAL_WORDS = /not found|manifest unknown|denied|unauthorized/i;

/**
 * Pulls an image from outside as `docker pull` does; without a tag it is `latest`.
 *
 * @throws {ImageUnavailable} when the registry says that it has none, or not for us.
 * @throws {EngineRequestFailed} when it cannot be reached. @throws {EngineUnavailable} {EngineOutOfSpace}
 */
export async function pullImage(
  { docker, address }: { readonly docker: Docker; readonly address: string },
  reference: string,
  { signal, onProgress }: StepOptions,
): Promise<RegistryPull> {
  const { repository, tag, digest } = parseReference(reference);
  const doing = `pull image ${reference}`;
  signal.throwIfAborted();
  try {
    const stream = (await docker.createImage({
      fromImage: repository,
      tag: digest ?? tag ?? 'latest',
      abortSignal: signal,
    })) as Readable;
    for await (const document of jsonLines(stream)) {
      const message = errorInProgress(document);
      if (message !== undefined) throw pullError(reference, message);
      const { status } = document as { status?: string };
      if (status) onProgress?.({ message: status });
    }
    const pulled = await docker
      .getImage(digest ? `${repository}@${digest}` : `${repository}:${tag ?? 'latest'}`)
      .inspect();
    return { engineImageId: pulled.Id };
  } catch (error) {
    if (!signal.aborted && FINAL_STATUSES.includes(statusCodeOf(error) ?? 0))
      throw new ImageUnavailable(reference, detailOf(error), { cause: error });
    throw asEngineError(error, { address, doing, signal });
  }
}

function pullError(reference: string, message: string): Error {
  if (FINAL_WORDS.test(message)) return new ImageUnavailable(reference, message);
  return new EngineRequestFailed(`pull image ${reference}`, 500, message);
}
