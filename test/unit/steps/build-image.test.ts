import { expect, it } from '@jest/globals';
import type { Plan, PlannedImage } from '../../../model/schema/plan.ts';
import type { BuildImageDeps } from '../../../steps/build-image.ts';
import { buildImage } from '../../../steps/build-image.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { anImage } from '../../helpers/push-documents.ts';

const { taskId } = anImage();

it.each([
  ['build', 'argument A is new: 1', 'argument A is new: 1'],
  [
    'reuse',
    'built before, at level 1 on 2026-01-09 00:00',
    'it is made again, since it is gone, not whole, or asked for anew, and was planned as known: built before, at level 1 on 2026-01-09 00:00',
  ],
  [
    'not-needed',
    'no task names it, and what stands on it is known',
    'it is needed now, and was planned as not needed: no task names it, and what stands on it is known',
  ],
] as const)(
  'The log of a build that was planned as "%s" begins with why it is built',
  async (action, why, words) => {
    const store = emptyStore();
    const plans = new PlanCache(store);
    plans.plan = () => Promise.resolve({ repository: '/r', revision: 'a' } as Plan);
    plans.image = () => Promise.resolve({ name: 'lint', action, why } as PlannedImage);
    const source = { open: () => Promise.reject(new Error('The repository was opened')) };

    const building = buildImage(
      { store, plans, source } as unknown as BuildImageDeps,
      { taskId, name: 'lint', pushId: 'p', plannedAt: '', run: 0 },
      { signal: new AbortController().signal, isCanceled: () => false, onProgress: () => undefined },
    );

    await expect(building).rejects.toThrow('The repository was opened');
    const log = (await (await store.logs.read(taskId, 0)).toArray()).join('');
    expect(log.split('\n', 1)[0]).toMatch(new RegExp(`\\] Image lint: ${words}$`));
  },
);
