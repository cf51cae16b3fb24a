import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { setImmediate as oneTurn, setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { LogOptions } from '../../../client/api.ts';
import { downloadArtifact, listArtifacts, readLog } from '../../../client/read-task.ts';
import { StoreUnavailable } from '../../../model/errors.ts';
import type { RunRecord, TaskRecord } from '../../../model/schema/records.ts';
import { endLog } from '../../../steps/run-log.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { anImage, aPush, aTask } from '../../helpers/push-documents.ts';

const IMAGE = anImage().taskId;
const TASK = aTask().taskId;
const NEVER = new AbortController().signal;

const LOG = 'public/logs/live.log';

let store: Store;
/** What the next requests to the store end with, each with an answer or an error. */
let ends: (Error | undefined)[];
/** How bodies break off after two parts, of which the first has reached its reader. */
let breaks: Error[];
/** From which byte on logs were read that are whole. */
let starts: number[];
beforeEach(() => {
  const objects = createMemoryObjectStore();
  starts = [];
  ends = [];
  breaks = [];
  const ask = (): void => {
    const error = ends.shift();
    if (error) throw error;
  };
  store = createStore({
    ...objects,
    async head(...args) {
      ask();
      return objects.head(...args);
    },
    async get(...args) {
      ask();
      return objects.get(...args);
    },
    async *list(...args) {
      ask();
      yield* objects.list(...args);
    },
    async stream(key, options) {
      ask();
      if (key.endsWith(LOG)) starts.push(options?.start ?? 0);
      const body = await objects.stream(key, options);
      return body && Readable.from(untilItBreaks(body), { objectMode: false });
    },
  });
});

async function* untilItBreaks(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let parts = 0;
  for await (const part of body) {
    yield part;
    const error = (parts += 1) === 2 ? breaks.shift() : undefined;
    if (!error) continue;
    // What is still on its way to the reader would go with the body.
    await delay(50);
    throw error;
  }
}

const say = (taskId: string, run: number, text: string, seq = 0): Promise<void> =>
  store.logs.append(taskId, run, { seq, text: Buffer.from(text), taskBytes: 0 });

/** A record with runs 0 up to the last one, which stands as the task does. */
const record = (taskId: string, state: TaskRecord['state'], ...runs: readonly number[]): Promise<void> =>
  store.tasks.change(taskId, () => ({
    version: 1,
    taskId,
    label: 'x',
    state,
    created: '2026-01-01T00:00:00.000Z',
    runs: runs.map((run): RunRecord => ({ run, state, phases: {}, artifacts: [] })),
  }));

async function read(
  taskId: string,
  { follow = false, ...options }: Partial<Pick<LogOptions, 'run' | 'follow' | 'onRunToCome'>> = {},
  signal = NEVER,
): Promise<string> {
  let text = '';
  for await (const chunk of readLog(store, taskId, { ...options, follow, signal })) text += chunk.toString();
  return text;
}

/** The log as an artifact. */
async function download(taskId: string, run?: number): Promise<string> {
  const wanted = { name: LOG, ...(run === undefined ? {} : { run }), signal: NEVER };
  const { body, sizeBytes } = await downloadArtifact(store, taskId, wanted);
  const bytes = Buffer.concat(await body.toArray());
  expect(bytes.byteLength).toBe(sizeBytes);
  return bytes.toString();
}

async function built(taskId: string, run: number): Promise<void> {
  await say(taskId, run, `run ${run}\n`);
  await endLog(store, { taskId, run }, { message: 'built', kind: 'info' });
}

describe('the log of an image', () => {
  it('is that of the build that goes on, which has no record yet', async () => {
    await built(IMAGE, 0);
    await record(IMAGE, 'completed', 0);
    await say(IMAGE, 1, 'run 1\n');

    expect(await read(IMAGE)).toBe('run 1\n');

    const followed = read(IMAGE, { follow: true });
    await say(IMAGE, 1, 'and more\n', 1);
    await endLog(store, { taskId: IMAGE, run: 1 }, { message: 'built', kind: 'info' });
    expect(await followed).toMatch(/^run 1\nand more\n.*built/);
  });

  it('is that of the last build when none goes on', async () => {
    await built(IMAGE, 0);
    await record(IMAGE, 'completed', 0);

    expect(await read(IMAGE)).toContain('run 0\n');
    expect(await read(IMAGE, { follow: true })).toContain('run 0\n');
  });

  it('is read of a first build before it has a record', async () => {
    await say(IMAGE, 0, 'run 0\n');

    expect(await read(IMAGE)).toBe('run 0\n');
  });

  it('of the build that goes on does not hide what the one before has left', async () => {
    await built(IMAGE, 0);
    await record(IMAGE, 'completed', 0);
    await say(IMAGE, 1, 'run 1\n');

    expect(await download(IMAGE)).toContain('run 0\n');
  });
});

it('Who follows a log reads of the whole one only what came after the parts', async () => {
  await record(TASK, 'running', 0);
  await say(TASK, 0, 'first\n');
  const following = readLog(store, TASK, { follow: true, signal: NEVER })[Symbol.asyncIterator]();
  const first = String((await following.next()).value);
  await say(TASK, 0, 'second\n', 1);
  await store.logs.finish(TASK, 0);
  starts = [];

  let rest = '';
  for (let next = await following.next(); !next.done; next = await following.next()) rest += next.value;

  expect([first, rest]).toEqual(['first\n', 'second\n']);
  expect(starts).toEqual(['first\n'.length]);
});

describe('the log of a task whose last run has ended, and which is to have another', () => {
  const RUN: RunRecord = {
    run: 0,
    state: 'exception',
    reason: 'worker-lost',
    resolved: '2026-01-01T00:04:00.000Z',
    phases: {},
    artifacts: [],
  };
  const standing = (over: Partial<TaskRecord>): Promise<void> =>
    store.tasks.change(TASK, () => ({
      version: 1,
      taskId: TASK,
      label: 'unit',
      state: 'pending',
      created: '2026-01-01T00:00:00.000Z',
      runs: [RUN],
      ...over,
    }));
  beforeEach(() => built(TASK, 0));

  it.each(['unscheduled', 'pending'] as const)(
    'is that of the next run for who follows: %s',
    async (state) => {
      await standing({ state });

      const followed = read(TASK, { follow: true });
      await oneTurn();
      await built(TASK, 1);

      expect(await followed).toMatch(/^run 1\n/);
    },
  );

  it('is that of the last run, and how the task ended, when no other came', async () => {
    await standing({});

    const followed = read(TASK, { follow: true });
    await oneTurn();
    await standing({ state: 'exception', reason: 'canceled', resolved: '2026-01-01T00:05:00.000Z' });

    expect(await followed).toMatch(/^run 0\n[^]* The task ended after run 0: exception\/canceled\n/);
  });

  it('is that of the last run for who does not follow, who hears that it is not the newest to be', async () => {
    const heard: number[] = [];
    const onRunToCome = (last: number): void => void heard.push(last);
    await standing({});

    expect(await read(TASK, { onRunToCome })).toMatch(/^run 0\n/);
    expect(heard).toEqual([0]);

    expect(await read(TASK, { run: 0, onRunToCome })).toMatch(/^run 0\n/);
    await standing({ state: 'running', runs: [RUN, { ...RUN, run: 1, state: 'running' }] });
    await say(TASK, 1, 'run 1\n');
    expect(await read(TASK, { onRunToCome })).toBe('run 1\n');
    expect(heard).toEqual([0]);
  });
});

describe('a store that is away', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  const away = new StoreUnavailable('GetObject', 'b', 'k', 'ECONNREFUSED', { cause: refused });

  it('is waited for by who follows a log, and nothing of that is lost or comes twice', async () => {
    const answer = undefined;
    const told: string[] = [];
    const onAway = ({ message }: Error): void => void told.push(message);
    let text = '';
    await record(TASK, 'running', 0);
    await say(TASK, 0, 'first\n');
    // The record of the task.
    ends = [away];

    for await (const bytes of readLog(store, TASK, { follow: true, onAway, signal: NEVER })) {
      text += bytes.toString();
      if (text === 'first\n') {
        await say(TASK, 0, 'second\n', 1);
        // The whole log is not there; the list of its parts; a part.
        ends = [answer, away, answer, answer, away];
      } else {
        await store.logs.finish(TASK, 0);
        // The whole log is there, and what comes after its parts is read; the record of the task.
        ends = [answer, answer, away, answer, answer, answer, away];
      }
    }

    expect(text).toBe('first\nsecond\n');
    expect([told.length, ends]).toEqual([5, []]);
  });

  it('is waited for also in the middle of a log that is whole', async () => {
    const lines = 'a line\n'.repeat(20_000);
    await record(TASK, 'running', 0);
    await say(TASK, 0, lines);
    await store.logs.finish(TASK, 0);
    breaks = [away];
    starts = [];

    expect(await read(TASK, { follow: true })).toBe(lines);
    expect(starts).toEqual([0, expect.any(Number)]);
    expect(starts[1]).toBeGreaterThan(0);
  });

  it('is told of to who does not follow, and to who does when it has refused', async () => {
    const denied = Object.assign(new Error('no'), {
      name: 'AccessDenied',
      $metadata: { httpStatusCode: 403 },
    });
    await record(TASK, 'running', 0);

    ends = [away];
    await expect(read(TASK)).rejects.toThrow('ECONNREFUSED');
    ends = [new StoreUnavailable('GetObject', 'b', 'k', 'AccessDenied', { cause: denied })];
    await expect(read(TASK, { follow: true })).rejects.toThrow('AccessDenied');
  });
});

describe('the log of a run that is named', () => {
  it.each([false, true])('is not found when there is no such run, followed: %s', async (follow) => {
    await built(TASK, 0);
    await record(TASK, 'completed', 0);

    await expect(read(TASK, { run: 7, follow })).rejects.toThrow(`Task ${TASK} has no run 7`);
  });

  it('is not waited for when a later run has begun', async () => {
    await record(TASK, 'running', 1, 2);

    await expect(read(TASK, { run: 0, follow: true })).rejects.toThrow('has no run 0');
  });

  it('is waited for while it may come', async () => {
    await record(TASK, 'running', 0);

    await expect(read(TASK, { run: 1 })).rejects.toThrow('has no run 1');
    const followed = read(TASK, { run: 1, follow: true });
    await built(TASK, 1);
    expect(await followed).toContain('run 1\n');
  });

  it('is empty while the run has said nothing', async () => {
    await record(TASK, 'running', 0);

    expect(await read(TASK, { run: 0 })).toBe('');
  });
});

describe('the log of a task that ended', () => {
  const RESOLVED = '2026-01-01T00:05:00.000Z';
  const ended = (over: Partial<TaskRecord>): Promise<void> =>
    store.tasks.change(TASK, () => ({
      version: 1,
      taskId: TASK,
      label: 'unit',
      pushId: aPush().id,
      state: 'exception',
      created: '2026-01-01T00:00:00.000Z',
      resolved: RESOLVED,
      runs: [],
      ...over,
    }));

  it.each([false, true])('without a run says why, and what can be done, followed: %s', async (follow) => {
    await ended({ reason: 'dependency-failed', culprit: 'compile', detail: 'not\nwell' });

    expect((await read(TASK, { follow })).split('\n')).toEqual([
      `[slipway:error ${RESOLVED}] The task ended without a run: exception/dependency-failed: not well`,
      `[slipway:error ${RESOLVED}] A task or parent image that this one needs did not complete. The first culprit is named.`,
      `[slipway:error ${RESOLVED}] First culprit: slipway logs ${aTask({ label: 'compile' }).taskId}`,
      `[slipway:error ${RESOLVED}] The task is resolved. To run it again: slipway rerun ${TASK}`,
      '',
    ]);
  });

  it('without a run is an artifact too, listed and downloaded, of no run', async () => {
    await ended({ reason: 'deadline-exceeded', detail: 'Its deadline came' });
    const log = await read(TASK);

    expect(await download(TASK)).toBe(log);
    expect(await listArtifacts(store, TASK)).toEqual([
      {
        name: LOG,
        sizeBytes: Buffer.byteLength(log),
        sha256: createHash('sha256').update(log).digest('hex'),
        contentType: 'text/plain; charset=utf-8',
      },
    ]);
    await expect(download(TASK, 0)).rejects.toThrow('Run 0 of');
  });

  it('names an image that could not be built by its own task', async () => {
    await ended({ reason: 'image-build-failed', culprit: IMAGE });

    expect(await read(TASK)).toContain(`] First culprit: slipway logs ${IMAGE}\n`);
  });

  it('after its last run had ended says so below the log of that, which is read alone where it is named', async () => {
    await endLog(store, { taskId: TASK, run: 0 }, { message: 'A new run follows.', kind: 'error' });
    const run: RunRecord = { run: 0, state: 'exception', reason: 'worker-lost', phases: {}, artifacts: [] };
    await ended({ reason: 'canceled', runs: [{ ...run, resolved: '2026-01-01T00:04:00.000Z' }] });

    expect(await read(TASK)).toMatch(
      /A new run follows\.\n\[slipway:error \S+\] The task ended after run 0: exception\/canceled\n/,
    );
    expect(await read(TASK, { run: 0 })).toMatch(/A new run follows\.\n$/);
    expect(await download(TASK)).toBe(await read(TASK));
    expect(await download(TASK, 0)).toBe(await read(TASK, { run: 0 }));
    const [own] = await listArtifacts(store, TASK);
    expect(own).toEqual({
      name: LOG,
      sizeBytes: Buffer.byteLength(await read(TASK)),
      contentType: 'text/plain; charset=utf-8',
    });

    await ended({ reason: 'worker-lost', runs: [{ ...run, resolved: RESOLVED }] });
    expect(await read(TASK)).toMatch(/A new run follows\.\n$/);
    expect(await download(TASK)).toBe(await read(TASK));
    expect(await listArtifacts(store, TASK)).toEqual([]);
  });

  it('is not there while it waits', async () => {
    await ended({ state: 'unscheduled', resolved: undefined });

    await expect(read(TASK)).rejects.toThrow('has no run');
    await expect(download(TASK)).rejects.toThrow('has no run');
    expect(await listArtifacts(store, TASK)).toEqual([]);
  });
});
