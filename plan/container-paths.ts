import { posix } from 'node:path';

/** Directories in which a container has something of the kernel's. */
export const OF_THE_KERNEL = ['/proc', '/sys', '/dev'];

/** Where a container has its secrets, a file each. */
export const SECRETS = '/run/secrets';

/** Whether a path is a directory or something below it. */
export function isWithin(path: string, directory: string): boolean {
  const relative = posix.relative(directory, path);
  return relative === '' || !(relative === '..' || relative.startsWith('../'));
}
