import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withCacheLock } from './cache-lock.ts';
import { inCache } from './in-cache.ts';
import { isFile } from './is-file.ts';
import type { StackOptions } from './stack-options.ts';

type CachedFileOptions = Pick<StackOptions, 'env' | 'signal' | 'onProgress'> & { readonly part: string };
type Make = (aside: string) => Promise<void>;

/**
 * Makes sure that a file of the cache is there, made by one process at a time: aside, then moved into place, so that it is whole or
 * not there. Gives whether this call made it. @throws {SetupFailed} when the cache cannot be written.
 */
export async function ensureCachedFile(
  path: string,
  options: CachedFileOptions,
  make: Make,
): Promise<boolean> {
  if (await isFile(path)) return false;
  return withFile(path, options, async () => {
    if (await isFile(path)) return false;
    await makeWhole(path, make);
    return true;
  });
}

/** Makes a file of the cache anew; the one that is there stays until the new one is whole. @throws {SetupFailed} */
export async function remakeCachedFile(path: string, options: CachedFileOptions, make: Make): Promise<void> {
  await withFile(path, options, () => makeWhole(path, make));
}

function withFile<T>(
  path: string,
  { env, signal, onProgress, part }: CachedFileOptions,
  work: () => Promise<T>,
): Promise<T> {
  const onWait = ({ pid }: { readonly pid: number }): void =>
    onProgress({
      part,
      state: 'note',
      message: `process ${pid} is making it already; waiting for it`,
      elapsedMs: 0,
    });
  return inCache(`The ${part}`, env, async () => {
    await mkdir(dirname(path), { recursive: true });
    return withCacheLock(`${path}.lock`, { signal, onWait }, work);
  });
}

async function makeWhole(path: string, make: Make): Promise<void> {
  const aside = `${path}.part`;
  // Left by a process that was killed.
  await rm(aside, { force: true });
  try {
    await make(aside);
    await flush(aside);
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
}

/** A machine that loses its power must not keep the name without what is in the file. */
async function flush(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
}
