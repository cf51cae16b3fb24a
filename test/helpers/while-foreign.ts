import { chmodSync } from 'node:fs';

/** `nobody`, who exists everywhere. */
const NOBODY = 65_534;

/**
 * Carries something out while a directory is closed to this process, as that of another user is. Root, to whom nothing is closed, is nobody
 * meanwhile: what is imported then must have been before.
 */
export async function whileForeign<T>(directory: string, work: () => Promise<T>): Promise<T> {
  const isRoot = process.getuid?.() === 0;
  chmodSync(directory, isRoot ? 0o700 : 0);
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(directory, 0o755);
  }
}
