import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** Files below these paths that hold one of the texts. */
export async function filesWith(
  texts: readonly string[],
  paths: readonly string[],
  scratch: string,
): Promise<string[]> {
  // By a file: arguments are for everyone to see.
  await writeFile(scratch, `${texts.join('\n')}\n`, { mode: 0o600 });
  const { stdout } = await exec('grep', ['-srlaF', '-f', scratch, ...paths]).catch(
    (error: Error & { code?: number; stdout: string }) => {
      // 1: it is nowhere. 2: a file went away under its hands, of a container that others have just removed.
      if (error.code === 1 || error.code === 2) return { stdout: error.stdout };
      throw error;
    },
  );
  return stdout.split('\n').filter((path) => path !== '');
}
