import { execFile } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The checkout that this program belongs to. */
const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
const TIMEOUT_MS = 10_000;

/** Which Slipway this is: the commit of its checkout, shortened; undefined where that is no checkout or has no git. */
export async function slipwayVersion(checkout = CHECKOUT): Promise<string | undefined> {
  const root = resolve(checkout);
  try {
    const { stdout } = await promisify(execFile)(
      'git',
      // It may be another user's: it is the program that runs here all the same.
      ['-c', `safe.directory=${root}`, 'rev-parse', '--short=12', '--verify', 'HEAD'],
      {
        cwd: root,
        // A repository that it merely lies in says nothing of it.
        env: { PATH: process.env['PATH'], GIT_CEILING_DIRECTORIES: dirname(root) },
        timeout: TIMEOUT_MS,
      },
    );
    return stdout.trim();
  } catch {
    return undefined;
  }
}
