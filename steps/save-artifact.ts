import { posix } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import mime from 'mime-types';
import { extract } from 'tar-stream';
import { isExecutable } from '../docker/containers/archive-path.ts';
import type { Engine } from '../docker/engine.ts';
import { mapAhead } from '../model/concurrently.ts';
import { EMPTY_DIRECTORY } from '../model/pure/artifact-names.ts';
import type { RunInput } from '../model/pure/payloads.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import { isArtifactNameShort } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import type { RunLog } from './run-log.ts';
import type { StepContext } from './step-context.ts';

export type ArtifactSpec = PlannedTask['artifacts'][string];

export interface ArtifactsOfRun {
  readonly store: Store;
  readonly engine: Engine;
  readonly input: RunInput;
  /** Name of the container that they are in. */
  readonly container: string;
  readonly log: RunLog;
  readonly context: StepContext;
}

/** Stands for the path of what the command wrote to its standard output; no path of a container begins without "/". */
export const STDOUT = 'its standard output';

/** Saves what a container has for one artifact of the plan: gives the records, or what is there instead. */
export async function saveArtifact(
  upload: ArtifactsOfRun,
  name: string,
  spec: ArtifactSpec,
): Promise<readonly ArtifactRecord[] | string> {
  const { containers } = upload.engine;
  if (spec.path === STDOUT) {
    const output = await containers.output(upload.container, upload.context.signal, 'stdout');
    return [await write(upload, name, spec, output)];
  }
  const found = await containers.readPath(upload.container, spec.path, upload.context.signal);
  if (!found) return 'absent';
  if (found.type === 'file') {
    if (spec.type === 'file') return [await write(upload, name, spec, found.body, found)];
    found.body.destroy();
    return 'a file, not a directory';
  }
  if (spec.type === 'file') {
    found.tar.destroy();
    return 'a directory, not a file';
  }
  const directory = await saveDirectory(upload, name, spec, found.tar);
  if (directory.records.length + directory.links.length > 0) return saveLinks(upload, name, spec, directory);
  // Of what has no record nobody knows that it is there.
  return [await write(upload, name, { ...spec, contentType: EMPTY_DIRECTORY }, Readable.from([]))];
}

/** Files of this size or less are saved side by side, so many at once: of them all no more is held than the store holds of one. */
const SMALL_BYTES = 1024 ** 2;
const SMALL_AT_ONCE = 8;

interface SavedDirectory {
  readonly records: readonly ArtifactRecord[];
  /** Paths in it of files that an archive has under another name already, and only names here. */
  readonly links: readonly string[];
}

/** Stands in a decoded name for bytes that are not UTF-8; a name may also have it of its own. */
const NOT_UTF8 = '\uFFFD';

/** Each file of a directory becomes an artifact below its name; what is no file, has no name in UTF-8 or too long a path, or is a directory without files is left out. */
async function saveDirectory(
  upload: ArtifactsOfRun,
  name: string,
  spec: ArtifactSpec,
  tar: NodeJS.ReadableStream,
): Promise<SavedDirectory> {
  const records: ArtifactRecord[] = [];
  const others: Others = { links: [], leftOut: new Set(), unclear: [], long: [], directories: new Set() };
  const { links, leftOut, unclear, long, directories } = others;
  const saves = saveFiles(upload, { name, spec, tar }, others);
  for await (const record of mapAhead(saves, (save) => save(), SMALL_AT_ONCE)) records.push(record);
  if (leftOut.size > 0)
    upload.log.say(`Artifact ${name}: symlinks and special files are left out (${leftOut.size})`);
  const named = await findNamed(upload, spec, new Set(unclear));
  if (unclear.length > named.length)
    upload.log.say(
      `Artifact ${name}: files whose names are not UTF-8 are left out (${unclear.length - named.length})`,
    );
  if (long.length > 0)
    upload.log.say(`Artifact ${name}: files whose paths are too long are left out (${long.length})`);
  const files = records.map((record) => record.name.slice(name.length + 1));
  for (const path of [...files, ...links, ...unclear, ...long])
    for (let above = posix.dirname(path); directories.delete(above);) above = posix.dirname(above);
  if (directories.size > 0)
    upload.log.say(`Artifact ${name}: directories without files are left out (${directories.size})`);
  return { records, links: [...links, ...named] };
}

/** What an archive has beside its files. */
interface Others {
  readonly links: string[];
  readonly leftOut: Set<string>;
  readonly unclear: string[];
  /** Paths that no store has room for in a key. */
  readonly long: string[];
  readonly directories: Set<string>;
}

/** Gives of each file of an archive what saves it, which it has done already when the file is large; notes what else is there. */
async function* saveFiles(
  upload: ArtifactsOfRun,
  {
    name,
    spec,
    tar,
  }: { readonly name: string; readonly spec: ArtifactSpec; readonly tar: NodeJS.ReadableStream },
  { links, leftOut, unclear, long, directories }: Others,
): AsyncGenerator<() => Promise<ArtifactRecord>> {
  const { taskId } = upload.input.task;
  const entries = extract();
  const reading = pipeline(tar, entries, { signal: upload.context.signal });
  reading.catch(() => undefined);
  for await (const entry of entries) {
    const { type, mode, size = 0, linkname, name: fullName } = entry.header;
    const path = pathInside(fullName);
    const isFile = type === 'file' || type === 'link';
    if (isFile && path?.includes(NOT_UTF8)) {
      entry.resume();
      unclear.push(path);
      continue;
    }
    if (isFile && path !== undefined && !isArtifactNameShort(taskId, upload.input.run, `${name}/${path}`)) {
      entry.resume();
      long.push(path);
      continue;
    }
    if (type === 'file' && path !== undefined) {
      const save = (body: NodeJS.ReadableStream): Promise<ArtifactRecord> =>
        write(upload, `${name}/${path}`, spec, body, { executable: isExecutable(mode) });
      if (size <= SMALL_BYTES) {
        const bytes = await buffer(entry);
        yield () => save(Readable.from([bytes], { objectMode: false }));
        continue;
      }
      const saved = await save(entry.pipe(new PassThrough()));
      yield () => Promise.resolve(saved);
      continue;
    }
    entry.resume();
    if (type === 'directory') {
      if (path !== undefined) directories.add(path);
      continue;
    }
    // A symlink may have a second name too.
    if (type === 'link' && path !== undefined && !leftOut.has(linkname ?? '')) links.push(path);
    else leftOut.add(fullName);
  }
  await reading;
}

/** Of decoded paths those that a file really has. */
async function findNamed(
  { engine, container, context }: ArtifactsOfRun,
  spec: ArtifactSpec,
  paths: Iterable<string>,
): Promise<readonly string[]> {
  const named: string[] = [];
  for (const path of paths) {
    const found = await engine.containers.readPath(container, posix.join(spec.path, path), context.signal);
    if (found?.type === 'directory') found.tar.destroy();
    if (found?.type !== 'file') continue;
    found.body.destroy();
    named.push(path);
  }
  return named;
}

/** A file with several names comes with its bytes when it is asked for by one of them: its own, whatever its entry says that it is linked to. */
async function saveLinks(
  upload: ArtifactsOfRun,
  name: string,
  spec: ArtifactSpec,
  { records, links }: SavedDirectory,
): Promise<readonly ArtifactRecord[] | string> {
  const { engine, container, context } = upload;
  const linked: ArtifactRecord[] = [];
  for (const path of links) {
    const found = await engine.containers.readPath(container, posix.join(spec.path, path), context.signal);
    if (found?.type === 'directory') found.tar.destroy();
    if (found?.type !== 'file') return `incomplete: ${path} in it cannot be read`;
    linked.push(await write(upload, `${name}/${path}`, spec, found.body, found));
  }
  return [...records, ...linked];
}

/** Below the directory that an archive is of; undefined of the directory itself, and of what would lead out of it. */
function pathInside(name: string): string | undefined {
  const parts = posix.normalize(name).replace(/\/$/, '').split('/');
  const path = parts.slice(1).join('/');
  return path === '' || parts.includes('..') ? undefined : path;
}

function write(
  { store, input, context }: ArtifactsOfRun,
  name: string,
  spec: ArtifactSpec,
  body: NodeJS.ReadableStream,
  { executable }: { readonly executable: boolean } = { executable: false },
): Promise<ArtifactRecord> {
  context.onProgress({ message: `saving ${name}` });
  const contentType = spec.contentType ?? contentTypeOf(name);
  const expires =
    spec.expiresSeconds === undefined
      ? undefined
      : new Date(Date.now() + spec.expiresSeconds * 1000).toISOString();
  return store.artifacts.write(input.task.taskId, input.run, name, body as PassThrough, {
    contentType,
    ...(expires ? { expires } : {}),
    executable,
    signal: context.signal,
  });
}

/** A name without an ending is not one itself, whatever word it is. */
function contentTypeOf(name: string): string {
  const ending = posix.extname(name);
  return (ending !== '' && mime.contentType(ending)) || 'application/octet-stream';
}
