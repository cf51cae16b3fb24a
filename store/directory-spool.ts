import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { checkSize } from './body-parts.ts';

/** Bytes that lie in a file which nobody knows yet. */
export interface Spooled {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly etag: string;
}

/** Writes a body into a file of its own, which is gone again when the body breaks. @throws {DigestMismatch} by its size. */
export async function spoolBody(
  body: Readable,
  options: {
    readonly path: string;
    readonly key: string;
    /** As it was announced. */
    readonly sizeBytes?: number | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Spooled> {
  const { path, key, signal } = options;
  const [sha256, md5] = [createHash('sha256'), createHash('md5')];
  let sizeBytes = 0;
  await mkdir(dirname(path), { recursive: true });
  try {
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Buffer | string>) {
        for await (const chunk of chunks) {
          sizeBytes += chunk.length;
          // Not waiting for the rest of one that is too long.
          if (sizeBytes > (options.sizeBytes ?? Infinity)) checkSize(key, sizeBytes, options.sizeBytes);
          sha256.update(chunk);
          md5.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(path),
      signal ? { signal } : {},
    );
    checkSize(key, sizeBytes, options.sizeBytes);
  } catch (error) {
    await rm(path, { force: true });
    signal?.throwIfAborted();
    throw error;
  }
  return { path, sizeBytes, sha256: sha256.digest('hex'), etag: `"${md5.digest('hex')}"` };
}
