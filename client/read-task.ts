import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { NotFound } from '../model/errors.ts';
import { LIVE_LOG } from '../model/pure/artifact-names.ts';
import { levelOf, parseId } from '../model/pure/ids.ts';
import { isResolved } from '../model/pure/states.ts';
import type { TaskRecord } from '../model/schema/records.ts';
import { IMAGE_VIEWS, openImageTarball } from '../steps/image-tarball.ts';
import type { Store } from '../store/store.ts';
import type { ListedArtifact } from './api.ts';

/** A reader looks for new log chunks this often. */
const LOG_POLL_MS = 250;

/** @throws {NotFound} when the task has not begun or does not exist. */
export async function readTask(store: Store, taskId: string): Promise<TaskRecord> {
  const record = await store.tasks.find(taskId);
  if (!record) throw new NotFound(`Task ${taskId} has no record: it has not begun, or there is no such task`);
  return record;
}

/**
 * The log of a run from its beginning; followed, it ends when the run is resolved and its log is whole.
 *
 * @throws {NotFound} when there is no such run, and none is waited for.
 */
export async function* readLog(
  store: Store,
  taskId: string,
  { run, follow, signal }: { readonly run?: number; readonly follow: boolean; readonly signal: AbortSignal },
): AsyncIterable<Buffer> {
  const wanted = run ?? (await newestLog(store, taskId, { wait: follow, signal }));
  let seen = 0;
  let afterSeq = -1;
  for (;;) {
    signal.throwIfAborted();
    const finished = await store.artifacts.find(taskId, wanted, LIVE_LOG);
    if (finished) {
      // The chunks are gone or about to go: the artifact holds the same bytes, from where we are on.
      yield* skip(await store.artifacts.read(taskId, wanted, LIVE_LOG, signal), seen);
      return;
    }
    for await (const chunk of store.logs.chunks(taskId, wanted, afterSeq)) {
      afterSeq = chunk.seq;
      seen += chunk.text.byteLength;
      yield chunk.text;
    }
    if (run !== undefined && afterSeq < 0) await expectRun(store, taskId, { run, wait: follow });
    if (!follow) return;
    await delay(LOG_POLL_MS, undefined, { signal });
  }
}

/** All artifacts of all runs; an image has its tarball as a view, whatever is stored. */
export async function listArtifacts(store: Store, taskId: string): Promise<readonly ListedArtifact[]> {
  const record = await readTask(store, taskId);
  const listed = record.runs.flatMap(({ run, artifacts }) =>
    artifacts.map((artifact) => ({ ...artifact, run })),
  );
  const id = parseId(taskId);
  const found = id?.kind === 'image' ? await store.index.find(id, id.level) : undefined;
  if (!found) return listed;
  const stored = new Set(listed.map(({ name }) => name));
  const views = [...IMAGE_VIEWS].filter(([name]) => !stored.has(name));
  return [...views.map(([name, contentType]) => ({ name, run: found.entry.run, contentType })), ...listed];
}

/** @throws {NotFound} */
export async function downloadArtifact(
  store: Store,
  taskId: string,
  { name, run, signal }: { readonly name: string; readonly run?: number; readonly signal: AbortSignal },
): Promise<{ readonly body: Readable; readonly sizeBytes?: number }> {
  const id = parseId(taskId);
  if (id?.kind === 'image' && IMAGE_VIEWS.has(name)) {
    const found = await store.index.find(id, levelOf(taskId));
    if (!found) throw new NotFound(`Image ${taskId} is not in the index`);
    return { body: openImageTarball(store, id, found.entry, signal, name) };
  }
  const wanted = run ?? (await newestRun(store, taskId));
  const record = await store.artifacts.find(taskId, wanted, name);
  if (!record) throw new NotFound(`Run ${wanted} of ${taskId} has no artifact "${name}"`);
  return { body: await store.artifacts.read(taskId, wanted, name, signal), sizeBytes: record.sizeBytes };
}

async function newestRun(store: Store, taskId: string): Promise<number> {
  const record = await store.tasks.find(taskId);
  const newest = record?.runs.at(-1)?.run;
  if (newest !== undefined) return newest;
  // The first build of an image has no record before its end, but what it has saved.
  if (!record && (await store.logs.findLast(taskId, 0))) return 0;
  throw new NotFound(`Task ${taskId} has no run`);
}

/** The run that a reader of the log means: a build of an image has no record before its end, but a log from its beginning. */
async function newestLog(
  store: Store,
  taskId: string,
  { wait, signal }: { readonly wait: boolean; readonly signal: AbortSignal },
): Promise<number> {
  for (;;) {
    const record = await store.tasks.find(taskId);
    const newest = record?.runs.at(-1)?.run ?? -1;
    if (await store.logs.findLast(taskId, newest + 1)) return newest + 1;
    if (newest >= 0) return newest;
    if (!wait || (record && isResolved(record.state))) throw new NotFound(`Task ${taskId} has no run`);
    await delay(LOG_POLL_MS, undefined, { signal });
  }
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

async function* skip(body: Readable, bytes: number): AsyncIterable<Buffer> {
  let left = bytes;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (left < chunk.byteLength) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.byteLength);
  }
}
