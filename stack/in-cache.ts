import { relative } from 'node:path';
import { SetupFailed } from '../model/errors.ts';
import { cacheDirectory } from './cache-directory.ts';

const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'EISDIR']);
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/**
 * Does work that writes into the user's cache: what the file system refuses there is told with what to do about it.
 * @throws {SetupFailed}
 */
export async function inCache<T>(title: string, env: NodeJS.ProcessEnv, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code = '', path, syscall, message } = error as NodeJS.ErrnoException;
    const cache = cacheDirectory(env);
    const isThere = path !== undefined && isAround(cache, path);
    const why = `${message} (the cache is ${cache})`;
    if (isThere && NOT_WRITABLE.has(code))
      throw new SetupFailed(
        `${title} cannot be kept`,
        why,
        'Make that directory writable, or set XDG_CACHE_HOME to another one',
        { cause: error },
      );
    // A write does not say of which file it is.
    if (FULL.has(code) && (isThere || syscall === 'write'))
      throw new SetupFailed(
        `${title} cannot be kept`,
        why,
        'Free space there, or set XDG_CACHE_HOME to a directory on a larger disk',
        { cause: error },
      );
    throw error;
  }
}

/** Below it, or one of the directories that it lies in, when these had to be made. */
function isAround(cache: string, path: string): boolean {
  return !relative(cache, path).startsWith('..') || !relative(path, cache).startsWith('..');
}
