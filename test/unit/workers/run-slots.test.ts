import { describe, expect, it } from '@jest/globals';
import { RunSlots } from '../../../workers/run-slots.ts';

const isIdle = async (slots: RunSlots): Promise<boolean> => {
  const patience = AbortSignal.timeout(150);
  await slots.untilIdle(patience);
  return !patience.aborted;
};
const nothing = (): Promise<void> => Promise.resolve();

describe('slots of runs', () => {
  it('are occupied from the claim until the artifacts are saved, also between two activities', async () => {
    const slots = new RunSlots(2);
    expect(await isIdle(slots)).toBe(true);
    await slots.during('t#0', 'claim', nothing);
    expect(await isIdle(slots)).toBe(false);
    await slots.during('t#0', 'middle', nothing);
    expect(await isIdle(slots)).toBe(false);
    await slots.during('t#0', 'last', nothing);
    expect(await isIdle(slots)).toBe(true);
  });

  it('are free again after a claim that failed, and occupied after another part did', async () => {
    const slots = new RunSlots(2);
    const failing = (): Promise<never> => Promise.reject(new Error('no'));
    await expect(slots.during('a#0', 'claim', failing)).rejects.toThrow('no');
    expect(await isIdle(slots)).toBe(true);
    await expect(slots.during('b#0', 'middle', failing)).rejects.toThrow('no');
    expect(await isIdle(slots)).toBe(false);
  });
});
