import { describe, expect, it } from '@jest/globals';
import { RunSlots } from '../../../workers/run-slots.ts';

const isIdle = async (slots: RunSlots): Promise<boolean> => {
  const patience = AbortSignal.timeout(150);
  await slots.untilIdle(patience);
  return !patience.aborted;
};
const A_RUN = { taskId: 't', run: 0 };
const nothing = (): Promise<void> => Promise.resolve();

describe('slots of runs', () => {
  it('are occupied from the claim until the artifacts are saved, also between two activities', async () => {
    const slots = new RunSlots(2, () => Promise.resolve(false));
    expect(await isIdle(slots)).toBe(true);
    await slots.during(A_RUN, 'claim', nothing);
    expect(await isIdle(slots)).toBe(false);
    await slots.during(A_RUN, 'middle', nothing);
    expect(await isIdle(slots)).toBe(false);
    await slots.during(A_RUN, 'last', nothing);
    expect(await isIdle(slots)).toBe(true);
  });

  it('are free again after a claim that failed, and occupied after another part did', async () => {
    const slots = new RunSlots(2, () => Promise.resolve(false));
    const failing = (): Promise<never> => Promise.reject(new Error('no'));
    await expect(slots.during(A_RUN, 'claim', failing)).rejects.toThrow('no');
    expect(await isIdle(slots)).toBe(true);
    await expect(slots.during({ ...A_RUN, run: 1 }, 'middle', failing)).rejects.toThrow('no');
    expect(await isIdle(slots)).toBe(false);
  });

  it('are taken by two queues in turn, so that neither waits for the other to be empty', async () => {
    const slots = new RunSlots(1, () => Promise.resolve(false));
    const [runner, dind] = [slots.supplier(), slots.supplier()];
    const taken = { runner: 0, dind: 0 };
    const never = new AbortController().signal;
    /** A queue with more work than there is room for: whenever it may poll it gets a run at once, which ends soon. */
    const serve = async (queue: 'runner' | 'dind', supplier: typeof runner): Promise<void> => {
      for (let count = 0; taken.runner + taken.dind < 12; count += 1) {
        const permit = await supplier.reserveSlot(undefined as never, never);
        const run = { taskId: queue, run: count };
        await slots.during(run, 'claim', nothing);
        supplier.releaseSlot({ permit } as never);
        taken[queue] += 1;
        setTimeout(() => void slots.during(run, 'last', nothing), 30);
      }
    };
    await Promise.all([serve('runner', runner), serve('dind', dind)]);

    expect(Math.abs(taken.runner - taken.dind)).toBeLessThanOrEqual(1);
    await slots.untilIdle(AbortSignal.timeout(5_000));
  });

  it('are free soon after another process has saved what a run left, and not before', async () => {
    const saved = new Set<number>();
    const asked: number[] = [];
    const slots = new RunSlots(2, ({ run }) => {
      asked.push(run);
      return Promise.resolve(saved.has(run));
    });
    await slots.during(A_RUN, 'claim', nothing);
    await slots.during({ ...A_RUN, run: 1 }, 'claim', nothing);
    expect(slots.supplier().tryReserveSlot(undefined as never)).toBeNull();
    expect(asked).toEqual([]);

    const waited = slots.supplier().reserveSlot(undefined as never, new AbortController().signal);
    while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(slots.supplier().tryReserveSlot(undefined as never)).toBeNull();
    saved.add(1);
    await waited;

    expect(await isIdle(slots)).toBe(false);
    saved.add(0);
    await slots.untilIdle(AbortSignal.timeout(30_000));
    expect(await isIdle(slots)).toBe(true);
  });
});
