import { beforeEach, describe, expect, it } from '@jest/globals';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import type { RunRecord } from '../../../model/schema/records.ts';
import { inputsOfRound } from '../../../steps/inputs-of-round.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { recordRuns } from '../../helpers/recorded-runs.ts';

const PUSH = `push/demo/1/${'a'.repeat(40)}`;
const PLANNED_AT = '2026-01-01T00:00:00.000Z';
const PLAN = { pushId: PUSH, plannedAt: PLANNED_AT } as Plan;
const FROM = { task: 'make', artifact: 'public/out' };

describe('inputs from a dependency', () => {
  let store: Store;
  beforeEach(() => {
    store = emptyStore();
  });

  const record = (runs: readonly Partial<RunRecord>[], plannedAt = PLANNED_AT): Promise<void> =>
    recordRuns(store, { pushId: PUSH, plannedAt }, runs);
  const find = () => inputsOfRound(store)(PLAN, FROM);

  it('are those of the newest run that has ended, also while another one goes on', async () => {
    await record([{}, {}, { state: 'running', artifacts: [] }]);

    expect(await find()).toMatchObject([{ taskId: taskIdIn(PUSH, 'make'), run: 1 }]);
  });

  it('are not there where that run left none, whatever an older one left, nor in another round', async () => {
    await record([{}, { artifacts: [] }]);
    await expect(find()).rejects.toThrow('has no artifact "public/out" in run 1');

    await record([{}], '2026-01-02T00:00:00.000Z');
    await expect(find()).rejects.toThrow('has no run to take "public/out" from');
  });
});
