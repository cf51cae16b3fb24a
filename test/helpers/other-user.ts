import { spawnSync } from 'node:child_process';
import { chmod, chown, constants, copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirectory } from '../../stack/cache-directory.ts';
import { S3_TOOL } from '../../stack/s3-tool.ts';
import { TEMPORAL_TOOL } from '../../stack/temporal-tool.ts';
import { sidecarImageTag } from '../../docker/sidecar/sidecar-image.ts';
import type { SecondEngine } from './second-engine.ts';
import { runProgram } from './run-program.ts';
import type { ProgramResult } from './run-program.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));

type Command = readonly [string, ...string[]];

/** `nobody`, who exists everywhere: Temporal's server asks for its user's name. */
const ID = 65_534;

/** Somebody who is not root and has a home of their own, as on a laptop. */
export class OtherUser implements AsyncDisposable {
  readonly id = ID;
  readonly home: string;
  readonly #drop: Command;

  private constructor(home: string, drop: Command) {
    this.home = home;
    this.#drop = drop;
  }

  /** `withCache`: their cache has what root's has. */
  static async create({ withCache }: { readonly withCache: boolean }): Promise<OtherUser> {
    const home = await mkdtemp(join(tmpdir(), 'slipway höme '));
    const user = new OtherUser(home, dropTo());
    try {
      if (withCache) await shareCache(join(home, '.cache', 'slipway'));
      await user.own(home);
      return user;
    } catch (error) {
      await user[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Gives them a directory with all that is in it. */
  async own(path: string): Promise<void> {
    await chown(path, ID, ID);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory()) await this.own(join(path, entry.name));
    }
  }

  /** Runs a program as they would, with nothing of this test's environment. */
  run(
    command: readonly [string, ...string[]],
    options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): Promise<ProgramResult> {
    const [program, ...args] = this.#drop;
    const env = { PATH: process.env['PATH'], HOME: this.home, NO_COLOR: '1', ...options.env };
    return runProgram([program, ...args, ...command], { cwd: options.cwd ?? this.home, env });
  }

  slipway(args: readonly string[], options: Parameters<OtherUser['run']>[1] = {}): Promise<ProgramResult> {
    return this.run([join(CHECKOUT, 'bin', 'slipway'), ...args], options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }
}

/** Lets them use an engine of root's, as the group `docker` has it. */
export async function letIn(engine: Pick<SecondEngine, 'socketPath'>, user: OtherUser): Promise<void> {
  await chmod(dirname(engine.socketPath), 0o711);
  await chown(engine.socketPath, 0, user.id);
  await chmod(engine.socketPath, 0o660);
}

/** A checkout below root's home is out of their reach: then they may read everything, and nothing more. */
function dropTo(): Command {
  const drop: Command = ['setpriv', `--reuid=${ID}`, `--regid=${ID}`, '--clear-groups', '--no-new-privs'];
  const [program, ...args]: Command = [...drop, 'test', '-r', join(CHECKOUT, 'package.json')];
  if (spawnSync(program, args).status === 0) return drop;
  return [...drop, '--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search'];
}

/** What `up` needs of root's cache, copied: the temporary directory may be a file system of its own, and images are root's alone. */
async function shareCache(target: string): Promise<void> {
  const source = cacheDirectory(process.env);
  for (const { name, version } of [TEMPORAL_TOOL, S3_TOOL]) {
    const directory = join('tools', `${name}-${version}`);
    await mkdir(join(target, directory), { recursive: true });
    await copyFile(join(source, directory, name), join(target, directory, name), constants.COPYFILE_FICLONE);
  }
  await mkdir(join(target, 'images'), { recursive: true });
  const sidecar = `sidecar-${sidecarImageTag().split(':').at(-1)}`;
  for (const name of await readdir(join(source, 'images'))) {
    if (!name.startsWith('debian-') && !name.startsWith(sidecar)) continue;
    const copy = join(target, 'images', name);
    await copyFile(join(source, 'images', name), copy, constants.COPYFILE_FICLONE);
    await chown(copy, ID, ID);
  }
}
