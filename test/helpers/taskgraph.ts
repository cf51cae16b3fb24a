import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SetupFailed } from '../../model/errors.ts';
import { cacheDirectory } from '../../stack/cache-directory.ts';
import { withCacheLock } from '../../stack/cache-lock.ts';
import { isExecutable } from '../../stack/find-program.ts';
import { isFile } from '../../stack/is-file.ts';
import { CommandFailed, runCommand } from '../../stack/run-command.ts';

const VERSION = '24.5.1';
/** Its place is in it, so it is not made aside: this file comes last. */
const WHOLE = 'whole';
const TODO =
  'It needs Python 3.8 or newer with venv (as root: apt-get install python3-venv) and a way to the Python registry';

/**
 * A Python that has taskgraph, whose context hashes ours equal: from the user's cache, else by pip; where Python or its `venv` is
 * missing, these come from the distribution first. @throws {SetupFailed}
 */
export async function ensureTaskgraph(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const directory = join(cacheDirectory(env), 'tools', `taskgraph-${VERSION}`);
  const python = join(directory, 'bin', 'python');
  const isThere = async (): Promise<boolean> =>
    (await isExecutable(python)) && (await isFile(join(directory, WHOLE)));
  if (await isThere()) return python;
  await mkdir(dirname(directory), { recursive: true });
  return withCacheLock(`${directory}.lock`, { signal, onWait: () => undefined }, async () => {
    if (await isThere()) return python;
    try {
      await install(directory, python, { env, signal });
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      throw new SetupFailed('taskgraph could not be installed', error.message, TODO, { cause: error });
    }
    return python;
  });
}

async function install(
  directory: string,
  python: string,
  options: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<void> {
  await havePython(options);
  await rm(directory, { recursive: true, force: true });
  await runCommand(['python3', '-m', 'venv', directory], options);
  // What makes contexts needs YAML and nothing else of the fifty packages that taskgraph brings.
  const wanted = [`taskcluster-taskgraph==${VERSION}`, 'PyYAML'];
  await runCommand([python, '-m', 'pip', '--quiet', 'install', '--no-deps', ...wanted], options);
  await writeFile(join(directory, WHOLE), '');
}

/** The distribution's Python has what makes virtual environments in a package of its own. */
async function havePython(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}): Promise<void> {
  const isThere = await runCommand(['python3', '-c', 'import ensurepip, venv'], options).catch(
    (error: unknown) => {
      if (!(error instanceof CommandFailed)) throw error;
      return undefined;
    },
  );
  if (isThere !== undefined) return;
  const env = { ...options.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = ['apt-get', '-o', 'DPkg::Lock::Timeout=300'] as const;
  await runCommand([...apt, 'update'], { ...options, env });
  const packages = ['python3', 'python3-venv'];
  await runCommand([...apt, 'install', '--yes', '--no-install-recommends', ...packages], { ...options, env });
}
