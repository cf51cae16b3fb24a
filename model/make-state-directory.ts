import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Keeps git from taking a state directory along with the repository that it lies in: keys, logs and the whole store are in it. */
export const STATE_IGNORE = { name: '.gitignore', text: '*\n' } as const;

/** Makes a state directory, readable by its owner only; git takes nothing of it. Safe to repeat, a `.gitignore` that is there stays. */
export async function makeStateDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // Where only directories below it may be written, as in a container with mounts there, work goes on without.
  await writeFile(join(directory, STATE_IGNORE.name), STATE_IGNORE.text, { flag: 'wx' }).catch(
    () => undefined,
  );
}
