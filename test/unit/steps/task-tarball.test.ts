import { beforeEach, describe, expect, it } from '@jest/globals';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { RunRecord } from '../../../model/schema/records.ts';
import { findTaskTarball } from '../../../steps/task-tarball.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { recordRuns } from '../../helpers/recorded-runs.ts';

const PLAN = { pushId: `push/demo/1/${'a'.repeat(40)}`, plannedAt: '2026-01-01T00:00:00.000Z' };
const IMAGE = { type: 'task-image', label: 'make', path: 'public/out' } as const;

describe('the tarball that a task of the same push has left', () => {
  let store: Store;
  beforeEach(() => {
    store = createStore(createMemoryObjectStore());
  });
  const record = (runs: readonly Partial<RunRecord>[], plannedAt = PLAN.plannedAt): Promise<void> =>
    recordRuns(store, { ...PLAN, plannedAt }, runs);

  it('is that of the newest run that has ended', async () => {
    await record([{}, {}, { state: 'running', artifacts: [] }]);

    expect(await findTaskTarball(store, IMAGE, PLAN)).toMatchObject({
      taskId: taskIdIn(PLAN.pushId, 'make'),
      run: 1,
    });
  });

  it('is not one of an older run, nor of an earlier round', async () => {
    const nothing = {
      type: 'ImageUnavailable',
      message: expect.stringContaining('has left no such artifact'),
    };

    await record([{}, { artifacts: [] }]);
    await expect(findTaskTarball(store, IMAGE, PLAN)).rejects.toMatchObject(nothing);

    await record([{}], '2026-01-02T00:00:00.000Z');
    await expect(findTaskTarball(store, IMAGE, PLAN)).rejects.toMatchObject(nothing);
  });
});
