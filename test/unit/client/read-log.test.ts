import { beforeEach, describe, expect, it } from '@jest/globals';
import { downloadArtifact, readLog } from '../../../client/read-task.ts';
import type { RunRecord, TaskRecord } from '../../../model/schema/records.ts';
import { endLog } from '../../../steps/run-log.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { anImage, aTask } from '../../helpers/push-documents.ts';

const IMAGE = anImage().taskId;
const TASK = aTask().taskId;
const NEVER = new AbortController().signal;

let store: Store;
beforeEach(() => {
  store = emptyStore();
});

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
  { follow = false, ...options }: { readonly run?: number; readonly follow?: boolean } = {},
  signal = NEVER,
): Promise<string> {
  let text = '';
  for await (const chunk of readLog(store, taskId, { ...options, follow, signal })) text += chunk.toString();
  return text;
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

    const { body } = await downloadArtifact(store, IMAGE, { name: 'public/logs/live.log', signal: NEVER });
    expect((await body.toArray()).join('')).toContain('run 0\n');
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
