import { setTimeout as delay } from 'node:timers/promises';
import { NotFound } from '../model/errors.ts';
import { LIVE_LOG } from '../model/pure/artifact-names.ts';
import { parseId } from '../model/pure/ids.ts';
import { isResolved } from '../model/pure/states.ts';
import type { TaskRecord } from '../model/schema/records.ts';
import { IMAGE_VIEWS } from '../steps/image-tarball.ts';
import { isEmptyDirectory } from '../steps/input-files.ts';
import type { TaskLog } from '../steps/task-log.ts';
import { endWords, findTaskLog } from '../steps/task-log.ts';
import type { Store } from '../store/store.ts';
import type { Download, ListedArtifact, LogOptions } from './api.ts';
import { listViews, openTarballOfRun } from './image-tarball-of-run.ts';
import { isAway } from './is-away.ts';

/** A reader looks for new log chunks this often. */
const LOG_POLL_MS = 250;

/** @throws {NotFound} when the task has not begun or does not exist. */
export async function readTask(store: Store, taskId: string): Promise<TaskRecord> {
  const record = await store.tasks.find(taskId);
  if (!record) throw new NotFound(`Task ${taskId} has no record: it has not begun, or there is no such task`);
  return record;
}

/** How far a log has been read, and of which run it is once that is known. */
interface Place {
  run: number | undefined;
  seen: number;
  afterSeq: number;
}

/**
 * The log of a run from its beginning, or the end of one that is whole; followed, it ends when the run is resolved and its log is whole,
 * and a store that is away is waited for. Where no run is named, an end of the task that no log of a run tells of is told in its place,
 * or after it.
 *
 * @throws {NotFound} when there is no such run, and none is waited for.
 */
export async function* readLog(store: Store, taskId: string, options: LogOptions): AsyncIterable<Buffer> {
  const { run, follow, onAway, signal } = options;
  const place: Place = { run, seen: 0, afterSeq: -1 };
  for (;;) {
    try {
      yield* readOn(store, taskId, { ...options, place });
      return;
    } catch (error) {
      if (!follow || !isAway(error)) throw error;
      onAway?.(error);
    }
    await delay(LOG_POLL_MS, undefined, { signal });
  }
}

/** On from a place, which goes along. */
async function* readOn(
  store: Store,
  taskId: string,
  { place, follow, tailBytes = Infinity, ...options }: LogOptions & { readonly place: Place },
): AsyncGenerator<Buffer, void> {
  const { run, signal } = options;
  const found = place.run ?? (await newestLog(store, taskId, { follow, ...options }));
  if (typeof found === 'string') {
    yield Buffer.from(found);
    return;
  }
  const wanted = (place.run = found);
  for (;;) {
    signal.throwIfAborted();
    const finished = await store.artifacts.find(taskId, wanted, LIVE_LOG);
    if (finished) {
      // The chunks are gone or about to go: the artifact holds the same bytes, from where we are on.
      place.seen = Math.max(place.seen, finished.sizeBytes - tailBytes);
      const rest = await store.artifacts.read(taskId, wanted, LIVE_LOG, signal, place.seen);
      for await (const bytes of rest as AsyncIterable<Buffer>) {
        place.seen += bytes.byteLength;
        yield bytes;
      }
      if (run === undefined) yield* endAfter(store, taskId, wanted);
      return;
    }
    for await (const chunk of store.logs.chunks(taskId, wanted, place.afterSeq)) {
      place.afterSeq = chunk.seq;
      place.seen += chunk.text.byteLength;
      yield chunk.text;
    }
    if (run !== undefined && place.afterSeq < 0) await expectRun(store, taskId, { run, wait: follow });
    if (!follow) return;
    await delay(LOG_POLL_MS, undefined, { signal });
  }
}

/**
 * All artifacts of all runs, and the log of the task itself where no run's own log tells its end; an image has its tarballs as views
 * where they are not stored.
 */
export async function listArtifacts(store: Store, taskId: string): Promise<readonly ListedArtifact[]> {
  const record = await readTask(store, taskId);
  const listed = record.runs.flatMap(({ run, artifacts }) =>
    artifacts.map((artifact) => ({ ...artifact, run })),
  );
  const id = parseId(taskId);
  const views = id?.kind === 'image' ? await listViews(store, id, listed) : [];
  const log = await findTaskLog(store, record);
  return [...views, ...listed, ...(log ? [log.record] : [])];
}

/** @throws {NotFound} */
export async function downloadArtifact(
  store: Store,
  taskId: string,
  { name, run, signal }: { readonly name: string; readonly run?: number; readonly signal: AbortSignal },
): Promise<Download> {
  const id = parseId(taskId);
  if (id?.kind === 'image' && IMAGE_VIEWS.has(name))
    return openTarballOfRun(store, { id, taskId, name, run, signal });
  const log = run === undefined && name === LIVE_LOG ? await ownLog(store, taskId) : undefined;
  if (log) return { body: log.open(signal), sizeBytes: log.record.sizeBytes };
  const wanted = run ?? (await newestRun(store, taskId));
  const record = await store.artifacts.find(taskId, wanted, name);
  if (!record) throw new NotFound(`Run ${wanted} of ${taskId} has no artifact "${name}"`);
  const body = await store.artifacts.read(taskId, wanted, name, signal);
  return {
    body,
    sizeBytes: record.sizeBytes,
    ...(record.executable ? { executable: true } : {}),
    ...(isEmptyDirectory(record) ? { isEmptyDirectory: true } : {}),
  };
}

async function ownLog(store: Store, taskId: string): Promise<TaskLog | undefined> {
  const record = await store.tasks.find(taskId);
  return record && findTaskLog(store, record);
}

async function newestRun(store: Store, taskId: string): Promise<number> {
  const record = await store.tasks.find(taskId);
  const newest = record?.runs.at(-1)?.run;
  if (newest !== undefined) return newest;
  // The first build of an image has no run in a record before its end, but what it has saved.
  if (await store.logs.findLast(taskId, 0)) return 0;
  throw new NotFound(`Task ${taskId} has no run`);
}

/**
 * The run that a reader of the log means: a build of an image has no record before its end, but a log from its beginning. Who follows
 * means the run that is to come where the last one has ended and the task has not. In words, how a task ended that had no run.
 */
async function newestLog(
  store: Store,
  taskId: string,
  { follow, onRunToCome, signal }: LogOptions,
): Promise<number | string> {
  for (;;) {
    const record = await store.tasks.find(taskId);
    const last = record?.runs.at(-1);
    const next = (last?.run ?? -1) + 1;
    if (await store.logs.findLast(taskId, next)) return next;
    const isToCome = record && last && isResolved(last.state) && !isResolved(record.state);
    if (last && !(isToCome && follow)) {
      if (isToCome) onRunToCome?.(last.run);
      return last.run;
    }
    const words = record && endWords(record);
    if (words !== undefined) return words;
    if (!follow || (record && isResolved(record.state))) throw new NotFound(`Task ${taskId} has no run`);
    await delay(LOG_POLL_MS, undefined, { signal });
  }
}

/** What came after the end of the newest run of a task that has ended. */
async function* endAfter(store: Store, taskId: string, run: number): AsyncIterable<Buffer> {
  const record = await store.tasks.find(taskId);
  const words = record?.runs.at(-1)?.run === run ? endWords(record) : undefined;
  if (words !== undefined) yield Buffer.from(words);
}

/** @throws {NotFound} for a run that has no record, unless it is waited for and may still come. */
async function expectRun(
  store: Store,
  taskId: string,
  { run, wait }: { readonly run: number; readonly wait: boolean },
): Promise<void> {
  const record = await store.tasks.find(taskId);
  const runs = record?.runs.map((other) => other.run) ?? [];
  if (runs.includes(run)) return;
  const mayCome = !(record && isResolved(record.state)) && runs.every((other) => other < run);
  if (!wait || !mayCome) throw new NotFound(`Task ${taskId} has no run ${run}`);
}
