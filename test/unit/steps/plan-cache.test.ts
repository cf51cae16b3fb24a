import { beforeEach, describe, expect, it } from '@jest/globals';
import { pushId as idOf } from '../../../model/pure/ids.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import type { PlanCacheLimits } from '../../../steps/plan-cache.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';

const plannedAt = '2026-01-01T00:00:01.000Z';
const pushOf = (n: number): ReturnType<typeof aPushInput> =>
  aPushInput({ revision: String(n).padStart(40, '0') });

let store: Store;
let reads: number[];
beforeEach(() => {
  const { pushes, ...others } = emptyStore();
  reads = [];
  store = {
    ...others,
    pushes: {
      ...pushes,
      findPlan: (pushId, at) => {
        reads.push(Number(pushId.slice(-4)));
        return pushes.findPlan(pushId, at);
      },
    },
  };
});

const write = async (n: number, characters: number): Promise<void> => {
  const file = `version: 1\ntasks: { t: { image: debian, description: ${'x'.repeat(characters)} } }\n`;
  await store.pushes.writePlan(aPlanOf(pushOf(n), { plannedAt, file }));
};

async function use(plans: PlanCache, ...numbers: readonly number[]): Promise<void> {
  for (const n of numbers) await plans.plan(idOf(pushOf(n)), plannedAt);
}

const held = async (limits: Partial<PlanCacheLimits>, sizes: readonly number[]): Promise<PlanCache> => {
  for (const [n, characters] of sizes.entries()) await write(n, characters);
  return new PlanCache(store, { plans: 256, characters: 64_000_000, ...limits });
};

describe('PlanCache', () => {
  it('reads each of two hundred small plans once', async () => {
    const numbers = Array.from({ length: 200 }, (_, n) => n);
    const plans = await held(
      {},
      numbers.map(() => 1),
    );
    await use(plans, ...numbers, ...numbers);

    expect(reads).toEqual(numbers);
  });

  it('forgets those that were used longest ago when there are too many', async () => {
    const plans = await held({ plans: 2 }, [1, 1, 1]);
    await use(plans, 0, 1, 0, 2, 0, 1);

    expect(reads).toEqual([0, 1, 2, 1]);
  });

  it('forgets those that were used longest ago when they have too many characters', async () => {
    const plans = await held({ characters: 36_000 }, [10_000, 10_000, 20_000, 1]);
    await use(plans, 0, 1, 0, 2, 3, 0, 1, 0, 2);

    // 2 takes the room of 1, which takes the room of 2 when it comes again.
    expect(reads).toEqual([0, 1, 2, 3, 1, 2]);
  });

  it('holds the last one, however large it is', async () => {
    const plans = await held({ characters: 1_000 }, [10_000, 10_000]);
    await use(plans, 0, 0, 1, 1);

    expect(reads).toEqual([0, 1]);
  });

  it('has room for two of the largest that are used by turns', async () => {
    const large = (n: number): Plan => {
      const plan = aPlanOf(pushOf(n), { plannedAt, file: 'version: 1\ntasks: { t: { image: debian } }\n' });
      return { ...plan, tasks: plan.tasks.map((task) => ({ ...task, why: 'x'.repeat(60_000_000) })) };
    };
    store.pushes.findPlan = (pushId) => {
      const n = Number(pushId.slice(-4));
      reads.push(n);
      return Promise.resolve(large(n));
    };

    await use(new PlanCache(store), 0, 1, 0, 1);

    expect(reads).toEqual([0, 1]);
  });

  it('gives each round of a push the plan that it was begun by, also when a new one was planned since; of none it makes up another', async () => {
    const rounds = [plannedAt, '2026-01-01T00:00:02.000Z', '2026-01-01T00:00:03.000Z'];
    for (const at of rounds) {
      const file = `version: 1\ntasks: { t: { image: debian, description: of ${at} } }\n`;
      await store.pushes.writePlan(aPlanOf(pushOf(0), { plannedAt: at, file }));
    }
    const pushId = idOf(pushOf(0));

    const found = await Promise.all(rounds.map((at) => new PlanCache(store).task(pushId, at, 't')));

    expect(found.map(({ description }) => description)).toEqual(rounds.map((at) => `of ${at}`));
    expect((await store.pushes.findPlan(pushId))?.plannedAt).toBe(rounds.at(-1));
    await expect(new PlanCache(store).plan(pushId, '2026-01-01T00:00:09.000Z')).rejects.toMatchObject({
      type: 'InternalError',
      message: expect.stringContaining('has no plan of 2026-01-01T00:00:09.000Z'),
    });
  });

  it('reads one anew that could not be read', async () => {
    const plans = await held({}, []);
    const pushId = idOf(pushOf(0));

    await expect(plans.plan(pushId, plannedAt)).rejects.toThrow('has no plan of');
    await write(0, 1);
    await expect(plans.plan(pushId, plannedAt)).resolves.toMatchObject({ pushId });
  });
});
