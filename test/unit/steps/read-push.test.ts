import { expect, it } from '@jest/globals';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import { readTaskRecords } from '../../../steps/read-push.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { recordRuns } from '../../helpers/recorded-runs.ts';

it('Of the records of a push no lists of artifacts are kept: each may have 50,000, and there are as many records as tasks', async () => {
  const store = emptyStore();
  const pushId = `push/demo/1/${'a'.repeat(40)}`;
  const plannedAt = '2026-01-01T00:00:00.000Z';
  await recordRuns(store, { pushId, plannedAt }, [{ exitCode: 3 }, {}]);
  const plan = { pushId, plannedAt, tasks: [{ label: 'make' }] } as unknown as Plan;

  const records = await readTaskRecords(store, pushId, plan);

  const [first] = records.get('make')?.runs ?? [];
  expect(first).toEqual({ run: 0, state: 'completed', phases: {}, exitCode: 3 });
  expect(JSON.stringify([...records])).not.toContain('public/out');
  expect((await store.tasks.find(taskIdIn(pushId, 'make')))?.runs[0]?.artifacts).toHaveLength(1);
});
