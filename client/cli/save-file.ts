import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DigestMismatch } from '../../model/errors.ts';

export interface SaveOptions {
  /** Compared with what arrived, when it is known. */
  readonly sizeBytes?: number | undefined;
  readonly onBytes?: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** Writes a stream to a file that appears under its name only when it is whole, executable if asked; gives its size. */
export async function saveFile(
  body: Readable,
  path: string,
  options: SaveOptions & { readonly executable?: boolean | undefined },
): Promise<number> {
  const partial = `${path}.${process.pid}.part`;
  try {
    const target = createWriteStream(partial, { mode: options.executable ? 0o777 : 0o666 });
    const bytes = await copy(body, target, options);
    if (options.sizeBytes !== undefined && bytes !== options.sizeBytes)
      throw new DigestMismatch(`Download of ${path}`, `${options.sizeBytes} bytes`, `${bytes}`);
    await rename(partial, path);
    return bytes;
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Writes a stream to stdout, which stays open; gives its size. */
export async function saveToStdout(body: Readable, options: SaveOptions): Promise<number> {
  return copy(body, process.stdout, options);
}

async function copy(
  body: Readable,
  target: NodeJS.WritableStream,
  { onBytes, signal }: SaveOptions,
): Promise<number> {
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.byteLength;
      onBytes?.(bytes);
      done(null, chunk);
    },
  });
  await pipeline(body, counter, target, { signal, end: target !== process.stdout });
  return bytes;
}
