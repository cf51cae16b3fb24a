import { runCommand } from '../../stack/run-command.ts';
import { unmountBelow } from '../../stack/unmount-below.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import type { TemporaryDirectory } from './temporary-directory.ts';

/** A file system in memory that can be filled, by bytes (`420m`) or by so many files. Needs root, to mount. */
export async function mountSmallDisk(size: string, files?: number): Promise<TemporaryDirectory> {
  const directory = await temporaryDirectory('slipway-disk-');
  const { path } = directory;
  const end = async (): Promise<void> => {
    await unmountBelow([path]);
    await directory[Symbol.asyncDispose]();
  };
  try {
    const options = [`size=${size}`, ...(files === undefined ? [] : [`nr_inodes=${files}`])].join(',');
    await runCommand(['mount', '-t', 'tmpfs', '-o', options, 'slipway-test', path]);
  } catch (error) {
    await end();
    throw error;
  }
  return { path, [Symbol.asyncDispose]: end };
}
