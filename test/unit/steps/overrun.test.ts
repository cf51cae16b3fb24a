import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Plan, PlannedImage } from '../../../model/schema/plan.ts';
import { buildImage } from '../../../steps/build-image.ts';
import type { BuildImageDeps } from '../../../steps/build-image.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import type { StepContext } from '../../../steps/step-context.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { anImage } from '../../helpers/push-documents.ts';

const { taskId } = anImage();
const input = { taskId, name: 'lint', pushId: 'p', plannedAt: '', run: 0 };

let store: Store;
let deps: BuildImageDeps;
beforeEach(() => {
  store = emptyStore();
  const plans = new PlanCache(store);
  plans.plan = () => Promise.resolve({ repository: '/r', revision: 'a' } as Plan);
  plans.image = () => Promise.resolve({ name: 'lint', why: 'new content' } as PlannedImage);
  const source = { open: () => Promise.reject(new Error('The repository was opened')) };
  deps = { store, plans, source } as unknown as BuildImageDeps;
});

const attempt = (overran?: StepContext['overran']): Promise<unknown> =>
  buildImage(deps, input, {
    signal: new AbortController().signal,
    isCanceled: () => false,
    onProgress: () => undefined,
    overran,
  });
const logged = async (): Promise<string> => (await (await store.logs.read(taskId, 0)).toArray()).join('');

describe('a build', () => {
  it('says in its log that the attempt before came to no end in its time', async () => {
    await expect(attempt({ times: 1, limitMs: 7_200_000 })).rejects.toThrow('The repository was opened');

    expect(await logged()).toMatch(
      /\[slipway:error \S+\] The attempt before this one gave no answer within 2 hours and was given up; it is repeated\n/,
    );
  });

  it('that has used all of its time twice has failed, and says why', async () => {
    await expect(attempt({ times: 2, limitMs: 7_200_000 })).rejects.toMatchObject({
      type: 'ImageBuildFailed',
      retryable: false,
      message: 'Build of image "lint" failed: it came to no end within 2 hours, 2 times',
    });

    expect(await logged()).toContain('it came to no end within 2 hours, 2 times\n');
  });

  it('says nothing of the kind otherwise', async () => {
    await expect(attempt()).rejects.toThrow('The repository was opened');

    expect(await logged()).not.toContain('The attempt before');
  });
});
