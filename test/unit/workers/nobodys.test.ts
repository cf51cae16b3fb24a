import { beforeEach, describe, expect, it } from '@jest/globals';
import { LABEL } from '../../../docker/labels.ts';
import type { RunRecord, TaskRecord } from '../../../model/schema/records.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { createStore } from '../../../store/create-store.ts';
import type { Store } from '../../../store/store.ts';
import { isNobodys } from '../../../workers/nobodys.ts';

const taskId = `task/demo/1/${'a'.repeat(40)}/unit`;
const inMinutes = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();

let store: Store;
beforeEach(() => {
  store = createStore(createMemoryObjectStore());
});

async function record(state: TaskRecord['state'], ...runs: readonly Partial<RunRecord>[]): Promise<void> {
  await store.tasks.change(taskId, () => ({
    version: 1,
    taskId,
    label: 'unit',
    state,
    created: inMinutes(-1),
    runs: runs.map((run, number) => ({ run: number, state: 'failed', phases: {}, artifacts: [], ...run })),
  }));
}

const LIFE_MS = 3_600_000;

const isSwept = (run: number, ageMs = 10 * LIFE_MS): Promise<boolean> =>
  isNobodys(
    store,
    {
      labels: { [LABEL.task]: taskId, [LABEL.run]: String(run), [LABEL.level]: '1' },
      createdMs: Date.now() - ageMs,
    },
    { level: 1, lifeMs: LIFE_MS },
  );

describe('the container of a run', () => {
  it('belongs to it while it goes on', async () => {
    await record('running', { state: 'running' });
    expect(await isSwept(0)).toBe(false);
  });

  it('is nobody’s once it has ended', async () => {
    await record('failed', {});
    expect(await isSwept(0)).toBe(true);
  });

  it('is kept until its time is over', async () => {
    await record('failed', { keptUntil: inMinutes(1) });
    expect(await isSwept(0)).toBe(false);
    await record('failed', { keptUntil: inMinutes(-1) });
    expect(await isSwept(0)).toBe(true);
  });

  it('is nobody’s without a record once it is older than records live, which are collected then', async () => {
    expect(await isSwept(0, LIFE_MS + 60_000)).toBe(true);
    expect(await isSwept(0, LIFE_MS - 60_000)).toBe(false);
  });

  it('is nobody’s once the task is to run again, or has', async () => {
    await record('unscheduled', { keptUntil: inMinutes(1) });
    expect(await isSwept(0)).toBe(true);
    await record('failed', { keptUntil: inMinutes(1) }, { keptUntil: inMinutes(1) });
    expect(await isSwept(0)).toBe(true);
    expect(await isSwept(1)).toBe(false);
  });
});
