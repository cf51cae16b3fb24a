import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Where the distribution puts programs for administrators; often not on a user's PATH. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/go/bin'];

/** The PATH with the system's own directories behind it: what the stack's children get. */
export function widePath(env: NodeJS.ProcessEnv): string {
  const own = (env['PATH'] ?? '').split(delimiter).filter((directory) => directory !== '');
  return [...own, ...SYSTEM_DIRECTORIES.filter((directory) => !own.includes(directory))].join(delimiter);
}

/** The absolute path of a program on PATH or in the system's directories, or undefined. */
export async function findProgram(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const directory of widePath(env).split(delimiter)) {
    const path = join(directory, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
