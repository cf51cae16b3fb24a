import type { StatsFs } from 'node:fs';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Diagnosis } from '../../model/schema/diagnosis.ts';
import { cacheDirectory } from '../cache-directory.ts';
import { findProgram } from '../find-program.ts';
import { runCommand } from '../run-command.ts';
import { Ailment, diagnosed } from './diagnosed.ts';

const LEAST_NODE = 24;
/** As setup.mjs has it. */
const LEAST_GIT = { major: 2, minor: 32 };
const LEAST_FREE_BYTES = 5 * 1024 ** 3;
/** Of the files that a disk has place for: one image may have many thousands. */
const LEAST_FREE_FILES = 50_000;
const LEAST_FREE_FILES_SHARE = 0.05;

/** Looks at what everything else stands on: Node, git, the disk of the state directory. */
export async function lookAtMachine(
  root: string,
  env: NodeJS.ProcessEnv,
  nodeVersion: string = process.versions.node,
): Promise<readonly Diagnosis[]> {
  return Promise.all([
    diagnosed('node', 'Type: npm run setup; then start Slipway by bin/slipway or npm run', async () => {
      const where = process.execPath;
      if (Number(nodeVersion.split('.')[0]) < LEAST_NODE)
        throw new Error(`Node ${nodeVersion} is too old; ${LEAST_NODE} is needed`);
      return { version: nodeVersion, where, message: 'runs' };
    }),
    diagnosed('git', 'Install git', async () => {
      const where = await findProgram('git', env);
      if (!where) throw new Error('git is missing');
      const version = (await runCommand([where, '--version'])).replace(/^git version /, '').trim();
      const [major = NaN, minor = NaN] = version.split('.').map(Number);
      if ((major - LEAST_GIT.major || minor - LEAST_GIT.minor) < 0) {
        const least = `${LEAST_GIT.major}.${LEAST_GIT.minor}`;
        throw new Ailment(`is older than ${least}`, `Install git ${least} or newer`, { version, where });
      }
      return { version, where, message: 'is there' };
    }),
    lookAtDisk('disk', root, 'Free space, or set SLIPWAY_HOME to a directory on a larger disk'),
    lookAtCache(cacheDirectory(env)),
  ]);
}

function lookAtCache(where: string): Promise<Diagnosis> {
  const todo = 'Set XDG_CACHE_HOME to a directory that can be written';
  return diagnosed('cache', todo, async () => {
    const nearest = await nearestExisting(where);
    if (!(await stat(nearest)).isDirectory())
      throw new Ailment(`${nearest} is no directory`, todo, { where });
    const mayWrite = await access(nearest, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!mayWrite) throw new Ailment(`${nearest} cannot be written`, todo, { where });
    return { where, message: 'holds tools and images for all checkouts' };
  });
}

/** Whether the disk of a directory, which need not be there yet, has room for images. */
export function lookAtDisk(part: string, path: string, todo: string): Promise<Diagnosis> {
  return diagnosed(part, todo, async () => {
    const disk = await statfs(await nearestExisting(path));
    const lacking = lackOfDisk(disk);
    if (lacking !== undefined) throw new Ailment(lacking, todo, { where: path });
    return { where: path, message: freeText(disk) };
  });
}

/** What a disk has too little of for images: bytes, or inodes for their files; undefined: nothing. */
export function lackOfDisk(disk: Pick<StatsFs, 'bavail' | 'bsize' | 'files' | 'ffree'>): string | undefined {
  const { bavail, bsize, files, ffree } = disk;
  if (bavail * bsize < LEAST_FREE_BYTES) return `only ${freeText(disk)}; images need at least 5`;
  // A file system that makes inodes as it needs them says that it has none.
  if (files === 0 || ffree >= Math.max(LEAST_FREE_FILES, LEAST_FREE_FILES_SHARE * files)) return undefined;
  return `${freeText(disk)}, but only ${ffree} of ${files} inodes: images have many small files`;
}

function freeText({ bavail, bsize }: Pick<StatsFs, 'bavail' | 'bsize'>): string {
  return `${((bavail * bsize) / 1024 ** 3).toFixed(1)} GiB free`;
}

/** Of a path that need not be there yet, what is there of it. */
async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'ENOTDIR'].includes(code) || dirname(path) === path) throw error;
    return nearestExisting(dirname(path));
  }
}
