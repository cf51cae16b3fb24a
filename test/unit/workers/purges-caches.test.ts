import { beforeEach, describe, expect, it } from '@jest/globals';
import { LABEL } from '../../../docker/labels.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { purgesCaches } from '../../../workers/purges-caches.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';

const plannedAt = '2026-01-02T03:04:06.000Z';
const file = `version: 1
tasks:
  unit: { image: debian, command: make, cache: { npm: /npm }, onExitStatus: { purgeCaches: [0, 3] } }
`;
const plan = aPlanOf(aPushInput(), { plannedAt, file });
const { pushId } = plan;
const taskId = taskIdIn(pushId, 'unit');

let store: Store;
beforeEach(async () => {
  store = emptyStore();
  await store.pushes.writePlan(plan);
});

async function endWith(...exitCodes: readonly (number | undefined)[]): Promise<void> {
  const runs = exitCodes.map((exitCode, run) => ({
    ...{ run, state: 'exception' as const, reason: 'upload-failed' as const, phases: {}, artifacts: [] },
    ...(exitCode === undefined ? {} : { exitCode }),
  }));
  const record = {
    version: 1,
    taskId,
    label: 'unit',
    pushId,
    state: 'exception',
    created: plannedAt,
  } as const;
  await store.tasks.change(taskId, () => ({ ...record, runs }));
}

const isPurged = (run: number): Promise<boolean> =>
  purgesCaches(store, { [LABEL.task]: taskId, [LABEL.run]: String(run) });

describe('the caches of a run that nobody has given back', () => {
  it('are removed after an exit code that the task names, 0 too, whatever the run ended with', async () => {
    await endWith(3, 1, 0);

    expect(await Promise.all([0, 1, 2].map(isPurged))).toEqual([true, false, true]);
  });

  it('are given back where no exit code is known, and where nothing is', async () => {
    expect(await isPurged(0)).toBe(false);
    await endWith(undefined);

    expect(await Promise.all([0, 1].map(isPurged))).toEqual([false, false]);
    expect(await purgesCaches(store, {})).toBe(false);
  });
});
