import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withCacheLock } from './cache-lock.ts';
import { isFile } from './is-file.ts';
import type { StackOptions } from './stack-options.ts';

/**
 * Makes sure that a file of the cache is there, made by one process at a time: aside, then moved into place, so that it is whole or
 * not there. Gives whether this call made it.
 */
export async function ensureCachedFile(
  path: string,
  options: Pick<StackOptions, 'signal' | 'onProgress'> & { readonly part: string },
  make: (aside: string) => Promise<void>,
): Promise<boolean> {
  if (await isFile(path)) return false;
  await mkdir(dirname(path), { recursive: true });
  const { signal, onProgress, part } = options;
  const onWait = ({ pid }: { readonly pid: number }): void =>
    onProgress({
      part,
      state: 'note',
      message: `process ${pid} is making it already; waiting for it`,
      elapsedMs: 0,
    });
  return withCacheLock(`${path}.lock`, { signal, onWait }, async () => {
    if (await isFile(path)) return false;
    const aside = `${path}.part`;
    // Left by a process that was killed.
    await rm(aside, { force: true });
    try {
      await make(aside);
      await rename(aside, path);
      return true;
    } finally {
      await rm(aside, { force: true });
    }
  });
}
