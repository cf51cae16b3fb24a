import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { mapConcurrently } from '../../model/concurrently.ts';
import { InternalError } from '../../model/errors.ts';
import { isPartOf } from '../../steps/input-files.ts';
import type { Download, ListedArtifact, SlipwayApi } from '../api.ts';
import { untilInterrupted } from './interruption.ts';
import { saveFile, wrongPath } from './save-file.ts';
import { tellingDamage } from './telling-damage.ts';
import { UsageError } from './usage-error.ts';

const FILES_AT_ONCE = 4;

export interface DirectoryOfTask {
  readonly taskId: string;
  readonly name: string;
  readonly run: number;
  readonly files: readonly ListedArtifact[];
}

/** The files below a name of a run, the newest when none is named; undefined when there are none. */
export async function findDirectory(
  api: Pick<SlipwayApi, 'task' | 'artifacts'>,
  taskId: string,
  { name, run: wanted }: { readonly name: string; readonly run?: number },
): Promise<DirectoryOfTask | undefined> {
  const run = wanted ?? (await api.task(taskId)).runs.at(-1)?.run;
  if (run === undefined) return undefined;
  const all = await api.artifacts(taskId);
  const files = all.filter((one) => one.run === run && one.name !== name && isPartOf(one.name, name));
  return files.length === 0 ? undefined : { taskId, name, run, files };
}

/**
 * Writes the files of a directory artifact below a directory that appears when all of them are there; one that is there must be
 * empty. Gives their size. @throws {UsageError} when nothing can be written there.
 */
export async function downloadDirectory(
  api: Pick<SlipwayApi, 'download'>,
  { taskId, name, run, files }: DirectoryOfTask,
  options: {
    readonly output: string;
    readonly onFile: (done: number) => void;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  const { onFile, signal } = options;
  const output = resolve(options.output);
  const isThere = await expectUsable(output, options.output);
  const root = isThere ? output : `${output}.${process.pid}.part`;
  let done = 0;
  const write = async (file: ListedArtifact): Promise<number> => {
    const path = join(root, pathBelow(file.name, name));
    const download = await untilInterrupted(api.download(taskId, file.name, { run, signal }), signal);
    const bytes = await tellingDamage({ taskId, name: file.name }, () => writeOne(download, path, signal));
    onFile((done += 1));
    return bytes;
  };
  if (!isThere) await makeDirectory(root, { wanted: output, shown: options.output });
  try {
    const sizes = await mapConcurrently(files, write, FILES_AT_ONCE);
    if (!isThere) await rename(root, output);
    return sizes.reduce((sum, bytes) => sum + bytes, 0);
  } catch (error) {
    // A directory that was there stays what it is: with its owner and mode, a link, somebody's working directory.
    const written = isThere ? (await readdir(root)).map((name) => join(root, name)) : [root];
    for (const path of written) await rm(path, { recursive: true, force: true });
    throw error;
  }
}

async function makeDirectory(
  path: string,
  { wanted = path, shown = path, recursive = false }: MakeDirectoryOptions,
): Promise<void> {
  try {
    await mkdir(path, { recursive });
  } catch (error) {
    const wrong = wrongPath(error, wanted);
    if (wrong === undefined) throw error;
    throw new UsageError(`${shown} cannot be made: ${wrong}`, { cause: error });
  }
}

interface MakeDirectoryOptions {
  /** What it becomes in the end, where that is another path, and how who named it wrote that. */
  readonly wanted?: string;
  readonly shown?: string;
  readonly recursive?: boolean;
}

async function writeOne(download: Download, path: string, signal: AbortSignal): Promise<number> {
  const { body, isEmptyDirectory, sizeBytes, executable } = download;
  if (isEmptyDirectory) body.destroy();
  await makeDirectory(isEmptyDirectory ? path : dirname(path), { recursive: true });
  return isEmptyDirectory ? 0 : saveFile(body, path, { sizeBytes, executable, signal });
}

/** Gives whether it is there. */
async function expectUsable(output: string, shown: string): Promise<boolean> {
  try {
    if ((await readdir(output)).length === 0) return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code === 'ENOTDIR') throw new UsageError(`${shown} is not a directory: name a new one with -o DIR`);
    throw error;
  }
  throw new UsageError(`${shown} is there and not empty: name a new directory with -o DIR`);
}

/** A store that others write to has no say where on this machine something is written. */
function pathBelow(file: string, directory: string): string {
  const parts = file.slice(directory.length + 1).split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0')))
    throw new InternalError(`Artifact "${file}" has a name that is no path in its directory`);
  return join(...parts);
}
