import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DigestMismatch } from '../../model/errors.ts';
import { isWrittenInPlace, openInPlace } from './open-in-place.ts';
import { UsageError } from './usage-error.ts';

export interface SaveOptions {
  /** Compared with what arrived, when it is known. */
  readonly sizeBytes?: number | undefined;
  readonly onBytes?: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Writes a stream to a file that appears under its name only when it is whole, executable if asked; gives its size. A device, a pipe,
 * or what this process has open already (`/dev/stdout`) stays what it is, and is written into.
 * @throws {UsageError} when no file can be made there.
 */
export async function saveFile(
  body: Readable,
  path: string,
  options: SaveOptions & { readonly executable?: boolean | undefined },
): Promise<number> {
  const { target, partial } = await openFor(path, options).catch((error: unknown) => {
    body.destroy();
    throw error;
  });
  try {
    const bytes = await copy(body, target, options);
    if (options.sizeBytes !== undefined && bytes !== options.sizeBytes)
      throw new DigestMismatch(`Download of ${path}`, `${options.sizeBytes} bytes`, `${bytes}`);
    if (partial !== undefined) await rename(partial, path);
    return bytes;
  } catch (error) {
    if (partial !== undefined) await rm(partial, { force: true });
    throw error;
  }
}

/** Codes of the system by which a path is none to write to, and what that means. */
const WRONG_PATH: Readonly<Record<string, (path: string) => string>> = {
  ENOENT: (path) => `there is no directory ${dirname(path)}`,
  ENOTDIR: (path) => `${dirname(path)} is no directory`,
  EACCES: (path) => `${dirname(path)} may not be written to`,
  EPERM: (path) => `${dirname(path)} may not be written to`,
  EROFS: (path) => `${dirname(path)} can only be read`,
  ENAMETOOLONG: () => 'its name is too long',
};

/** What an error of the system says about a path that was to be written to; undefined when it says nothing about it. */
export function wrongPath(error: unknown, path: string): string | undefined {
  return WRONG_PATH[(error as NodeJS.ErrnoException).code ?? '']?.(path);
}

interface Target {
  readonly target: NodeJS.WritableStream;
  /** Where it is written until it is whole; absent for what is written in place. */
  readonly partial?: string;
}

async function openFor(
  path: string,
  { executable, signal }: { readonly executable?: boolean | undefined; readonly signal: AbortSignal },
): Promise<Target> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw new UsageError(`${path} is a directory: name a file in it`);
  if (found && isWrittenInPlace(path, found)) return { target: await openInPlace(path, found, signal) };
  const partial = `${path}.${process.pid}.part`;
  try {
    const file = await open(partial, 'w', executable ? 0o777 : 0o666);
    return { target: file.createWriteStream(), partial };
  } catch (error) {
    const wrong = wrongPath(error, path);
    if (wrong === undefined) throw error;
    throw new UsageError(`${path} cannot be written: ${wrong}`, { cause: error });
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
