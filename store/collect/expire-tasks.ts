import { parseId } from '../../model/pure/ids.ts';
import { isResolved } from '../../model/pure/states.ts';
import { LIVE_LOG } from '../../model/pure/artifact-names.ts';
import type { TaskRecord } from '../../model/schema/records.ts';
import { taskRecordSchema } from '../../model/schema/records.ts';
import { mapConcurrently } from '../../model/concurrently.ts';
import { readUsable } from '../json-object.ts';
import { artifactKey, levelPrefix, logPrefix, taskKey } from '../keys.ts';
import type { ObjectInfo, ObjectStore } from '../object-store.ts';
import { byDirectory, newestMs } from './by-directory.ts';
import type { ExpireOptions } from './expire.ts';
import { findPushEnd } from './push-end.ts';
import type { Kind } from './tally.ts';

/**
 * Tasks go with their push, builds of images with their entry in the index, a life later; neither before the last of its
 * artifacts, nor while a route leads to it. Before that go artifacts whose own time is over, and chunks of a log that is joined.
 */
export async function expireTasks(
  objects: ObjectStore,
  options: ExpireOptions & { readonly routed: ReadonlySet<string> },
): Promise<void> {
  const { level, signal, tally } = options;
  const prefix = levelPrefix(level, 'tasks');
  const tasks = [...options.routed].filter((id) => parseId(id)?.kind === 'task');
  const routed = new Set(tasks.map((taskId) => `${taskKey(taskId)}/`));
  const listing = objects.list(prefix, { signal });
  const isPushOver = pushesInARow(objects, options);
  for await (const { directory, infos } of byDirectory(listing, { prefix, segments: 4 })) {
    if (newestMs(infos) >= options.oldBefore.getTime()) {
      infos.forEach((info) => tally.keep(kindOf(directory, info), info.sizeBytes));
      continue;
    }
    const found = await readUsable(objects, `${directory}status.json`, taskRecordSchema);
    const record = found?.value;
    const isOver = directory.startsWith(`${prefix}image/`)
      ? await isBuildOver(objects, { directory, infos, record }, options)
      : await isPushOver(directory);
    const isWanted =
      routed.has(directory) || expiriesOf(record).some(([, expires]) => Date.parse(expires) > options.nowMs);
    if (isOver && !isWanted) await free(objects, { directory, infos, why: 'its life is over' }, options);
    else await freeParts(objects, { directory, infos, record }, options);
  }
}

interface Heap {
  readonly directory: string;
  readonly infos: readonly ObjectInfo[];
  readonly record: TaskRecord | undefined;
}

/** All tasks of a push lie in a row, so that its record is read once. */
function pushesInARow(objects: ObjectStore, options: ExpireOptions): (directory: string) => Promise<boolean> {
  let last = { push: '', isOver: false };
  return async (directory) => {
    const [project, revision] = directory.split('/').slice(3);
    const push = `${levelPrefix(options.level, 'pushes')}${project}/${revision}/`;
    if (push !== last.push) {
      const { isOver } = await findPushEnd(objects, push, options);
      last = { push, isOver };
    }
    return last.isOver;
  };
}

async function isBuildOver(
  objects: ObjectStore,
  { directory, infos, record }: Heap,
  { level, signal, nowMs, lifeMs }: ExpireOptions,
): Promise<boolean> {
  const [domain, name, imageHash] = directory.split('/').slice(3);
  const entry = `${levelPrefix(level, 'index')}${domain}/images/${name}/${imageHash}`;
  if (await objects.head(entry, signal)) return false;
  const endedMs = record?.resolved === undefined ? newestMs(infos) : Date.parse(record.resolved);
  return endedMs + lifeMs < nowMs;
}

/** Keys of a record's artifacts that have a time of their own, and that time. */
function expiriesOf(record: TaskRecord | undefined): readonly (readonly [string, string])[] {
  return (record?.runs ?? []).flatMap(({ run, artifacts }) =>
    artifacts.flatMap(({ name, expires }) =>
      record && expires !== undefined ? [[artifactKey(record.taskId, run, name), expires] as const] : [],
    ),
  );
}

async function freeParts(objects: ObjectStore, heap: Heap, options: ExpireOptions): Promise<void> {
  const { directory, infos, record } = heap;
  const expired = new Set(
    expiriesOf(record)
      .filter(([, expires]) => Date.parse(expires) <= options.nowMs)
      .map(([key]) => key),
  );
  const joined = joinedLogs(heap);
  const artifacts = infos.filter(({ key }) => expired.has(key));
  const chunks = infos.filter(({ key }) => joined.some((prefix) => key.startsWith(prefix)));
  await free(objects, { directory, infos: artifacts, why: 'it has expired' }, options);
  await free(objects, { directory, infos: chunks, why: 'its log is joined' }, options);
  const gone = new Set([...artifacts, ...chunks]);
  for (const info of infos) if (!gone.has(info)) options.tally.keep(kindOf(directory, info), info.sizeBytes);
}

/** Where chunks lie that nobody reads any more: the run is resolved, and its log stands beside them as a whole. */
function joinedLogs({ infos, record }: Heap): readonly string[] {
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
  {
    directory,
    infos,
    why,
  }: { readonly directory: string; readonly infos: readonly ObjectInfo[]; readonly why: string },
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
  );
  for (const info of infos) if (info.key === record) await one(info);
}

function kindOf(directory: string, { key }: ObjectInfo): Kind {
  const part = key.slice(directory.length).split('/')[2];
  return part === 'artifacts' ? 'artifacts' : part === 'log' ? 'log chunks' : 'tasks';
}
