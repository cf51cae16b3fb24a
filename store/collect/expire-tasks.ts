import { parseId } from '../../model/pure/ids.ts';
import { isResolved } from '../../model/pure/states.ts';
import { LIVE_LOG } from '../../model/pure/artifact-names.ts';
import type { TaskRecord } from '../../model/schema/records.ts';
import { taskRecordSchema } from '../../model/schema/records.ts';
import { mapAhead, mapConcurrently } from '../../model/concurrently.ts';
import { readUsable } from '../json-object.ts';
import { artifactKey, levelPrefix, logPrefix, taskKey } from '../keys.ts';
import type { ObjectInfo, ObjectStore } from '../object-store.ts';
import { byDirectory, newestMs } from './by-directory.ts';
import type { ExpireOptions } from './expire.ts';
import { findPushEnd } from './push-end.ts';
import type { Kind, Tally } from './tally.ts';

/** Deletions under way at once of one task; others go beside it. */
const WIDTH_OF_ONE = 4;

/** How far a collection has come, so that one that was cut off can go on there. */
export interface Course {
  /** What was told last by the attempt that was cut off; tasks before it are not looked at again. */
  readonly after?: string | undefined;
  /** Told where the tasks up to which everything has been looked at end. */
  readonly onPast: (key: string) => void;
}

/**
 * Tasks go with their push, builds of images with their entry in the index, a life later; neither before the last of its
 * artifacts, nor while a route leads to it. Before that go artifacts whose own time is over, and chunks of a log that is joined.
 * There may be millions, so most are judged by what the listing says, and a push is asked about once.
 */
export async function expireTasks(
  objects: ObjectStore,
  {
    course,
    ...options
  }: ExpireOptions & { readonly routed: ReadonlySet<string>; readonly course?: Course | undefined },
): Promise<void> {
  const { level, signal } = options;
  const prefix = levelPrefix(level, 'tasks');
  const tasks = [...options.routed].filter((id) => parseId(id)?.kind === 'task');
  const routed = new Set(tasks.map((taskId) => `${taskKey(taskId)}/`));
  const isPushOver = pushesInARow(objects, options);
  const isOver = async (heap: Heap): Promise<boolean> => {
    // What it goes with ended later, and lives for as long; what was written after that end stays a little longer.
    if (newestMs(heap.infos) + options.lifeMs >= options.nowMs || routed.has(heap.directory)) return false;
    const isBuild = heap.directory.startsWith(`${prefix}image/`);
    return isBuild ? isEntryGone(objects, heap, options) : isPushOver(heap.directory);
  };
  const listing = objects.list(prefix, { startAfter: course?.after, signal });
  const looked = mapAhead(byDirectory(listing, { prefix, segments: 4 }), async (heap) => {
    await expireTask(objects, { heap, isOver }, options);
    return heap.directory;
  });
  for await (const directory of looked) course?.onPast(directory);
}

interface Heap {
  readonly directory: string;
  readonly infos: readonly ObjectInfo[];
}

async function expireTask(
  objects: ObjectStore,
  { heap, isOver }: { readonly heap: Heap; readonly isOver: (heap: Heap) => Promise<boolean> },
  options: ExpireOptions,
): Promise<void> {
  const { directory, infos } = heap;
  const { nowMs, oldBefore, tally } = options;
  if (newestMs(infos) >= oldBefore.getTime()) return keep(heap, tally);
  const mayGo = await isOver(heap);
  const record = isRecordNeeded(heap, mayGo)
    ? (await readUsable(objects, `${directory}status.json`, taskRecordSchema))?.value
    : undefined;
  const isWanted = expiriesOf(record).some(([, expires]) => Date.parse(expires) > nowMs);
  if (mayGo && !isWanted) await free(objects, { ...heap, why: 'its life is over' }, options);
  else await freeParts(objects, { ...heap, record }, options);
}

/** All tasks of a push lie in a row, so that it is asked about once. */
function pushesInARow(objects: ObjectStore, options: ExpireOptions): (directory: string) => Promise<boolean> {
  let last = { push: '', isOver: Promise.resolve(false) };
  return (directory) => {
    const [project, revision] = directory.split('/').slice(3);
    const push = `${levelPrefix(options.level, 'pushes')}${project}/${revision}/`;
    if (push !== last.push)
      last = { push, isOver: findPushEnd(objects, push, options).then(({ isOver }) => isOver) };
    return last.isOver;
  };
}

async function isEntryGone(
  objects: ObjectStore,
  { directory }: Heap,
  { level, signal }: ExpireOptions,
): Promise<boolean> {
  const [domain, name, imageHash] = directory.split('/').slice(3);
  const entry = `${levelPrefix(level, 'index')}${domain}/images/${name}/${imageHash}`;
  return (await objects.head(entry, signal)) === undefined;
}

/**
 * Whether its record says more than its keys do: until when artifacts are wanted, which the log never says, and whether the run has
 * ended that chunks beside a joined log are of.
 */
function isRecordNeeded(heap: Heap, mayGo: boolean): boolean {
  const { directory, infos } = heap;
  const of = (kind: Kind): readonly ObjectInfo[] => infos.filter((info) => kindOf(directory, info) === kind);
  const artifacts = of('artifacts');
  const logs = artifacts.filter(
    ({ key }) => key.slice(directory.length).split('/').slice(3).join('/') === LIVE_LOG,
  );
  if (artifacts.length > logs.length) return true;
  return !mayGo && logs.length > 0 && of('log chunks').length > 0;
}

/** Keys of a record's artifacts that have a time of their own, and that time. */
function expiriesOf(record: TaskRecord | undefined): readonly (readonly [string, string])[] {
  return (record?.runs ?? []).flatMap(({ run, artifacts }) =>
    artifacts.flatMap(({ name, expires }) =>
      record && expires !== undefined ? [[artifactKey(record.taskId, run, name), expires] as const] : [],
    ),
  );
}

async function freeParts(
  objects: ObjectStore,
  heap: Heap & { readonly record: TaskRecord | undefined },
  options: ExpireOptions,
): Promise<void> {
  const { directory, infos, record } = heap;
  const expired = new Set(
    expiriesOf(record)
      .filter(([, expires]) => Date.parse(expires) <= options.nowMs)
      .map(([key]) => key),
  );
  const joined = joinedLogs(infos, record);
  const artifacts = infos.filter(({ key }) => expired.has(key));
  const chunks = infos.filter(({ key }) => joined.some((prefix) => key.startsWith(prefix)));
  await free(objects, { directory, infos: artifacts, why: 'it has expired' }, options);
  await free(objects, { directory, infos: chunks, why: 'its log is joined' }, options);
  const gone = new Set([...artifacts, ...chunks]);
  keep({ directory, infos: infos.filter((info) => !gone.has(info)) }, options.tally);
}

function keep({ directory, infos }: Heap, tally: Tally): void {
  for (const info of infos) tally.keep(kindOf(directory, info), info.sizeBytes);
}

/** Where chunks lie that nobody reads any more: the run is resolved, and its log stands beside them as a whole. */
function joinedLogs(infos: readonly ObjectInfo[], record: TaskRecord | undefined): readonly string[] {
  const keys = new Set(infos.map(({ key }) => key));
  return (record?.runs ?? [])
    .filter(
      ({ run, state }) => record && isResolved(state) && keys.has(artifactKey(record.taskId, run, LIVE_LOG)),
    )
    .map(({ run }) => logPrefix(record?.taskId ?? '', run));
}

/** The record goes last: while it is there, whoever begins a new round goes on with its numbers. */
async function free(
  objects: ObjectStore,
  { directory, infos, why }: Heap & { readonly why: string },
  { tally, signal }: ExpireOptions,
): Promise<void> {
  const one = async (info: ObjectInfo): Promise<void> => {
    const kind = kindOf(directory, info);
    if (await objects.deleteIf(info.key, info.etag, signal)) tally.free(kind, info.sizeBytes, why);
    else tally.keep(kind, info.sizeBytes);
  };
  const record = `${directory}status.json`;
  await mapConcurrently(
    infos.filter(({ key }) => key !== record),
    one,
    WIDTH_OF_ONE,
  );
  for (const info of infos) if (info.key === record) await one(info);
}

function kindOf(directory: string, { key }: ObjectInfo): Kind {
  const part = key.slice(directory.length).split('/')[2];
  return part === 'artifacts' ? 'artifacts' : part === 'log' ? 'log chunks' : 'tasks';
}
