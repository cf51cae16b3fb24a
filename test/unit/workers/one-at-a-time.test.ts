import { describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { oneAtATime } from '../../../workers/one-at-a-time.ts';

function slowWork(): { begun: () => number; end: () => Promise<void>; work: () => Promise<void> } {
  let begun = 0;
  let endOne = (): void => undefined;
  return {
    begun: () => begun,
    end: async () => {
      endOne();
      await turn();
    },
    work: () => {
      begun += 1;
      return new Promise((resolve) => (endOne = resolve));
    },
  };
}

describe('work that is done one at a time', () => {
  it('is done once more after it was asked for, however often, while it went on', async () => {
    const { work, begun, end } = slowWork();
    const looks = oneAtATime(work);

    for (let i = 0; i < 5; i += 1) looks.ask();
    expect(begun()).toBe(1);
    await end();
    expect(begun()).toBe(2);
    await end();
    expect(begun()).toBe(2);
    looks.ask();
    expect(begun()).toBe(3);
    await end();
  });

  it('is not begun any more once it is stopped', async () => {
    const { work, begun, end } = slowWork();
    const looks = oneAtATime(work);

    looks.ask();
    looks.ask();
    looks.stop();
    await end();
    looks.ask();

    expect(begun()).toBe(1);
  });
});
