import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { AfterwardsQueue } from '../../../workers/afterwards.ts';

const queue = (): AfterwardsQueue => new AfterwardsQueue(pino({ level: 'silent' }));

describe('work that nobody waits for', () => {
  it('is done one at a time, of one name the last, and goes on after one that fails', async () => {
    const done: string[] = [];
    let atOnce = 0;
    const work = (name: string) => async (): Promise<void> => {
      atOnce += 1;
      expect(atOnce).toBe(1);
      await delay(5);
      atOnce -= 1;
      done.push(name);
      if (name === 'a1') throw new Error('it failed');
    };
    const afterwards = queue();
    for (const name of ['a1', 'b1', 'a2', 'a3']) afterwards.add(name.slice(0, 1), work(name));
    while (done.length < 3) await delay(1);
    await afterwards.close(1000);

    expect(done).toEqual(['a1', 'b1', 'a3']);
  });

  it('has some time when the worker ends, then its signal; what has not begun is never done', async () => {
    const afterwards = queue();
    const seen: string[] = [];
    afterwards.add('a', async ({ signal }) => {
      while (!signal.aborted) await delay(1);
      seen.push('aborted');
    });
    afterwards.add('b', async () => void seen.push('begun'));
    await afterwards.close(10);
    afterwards.add('c', async () => void seen.push('late'));
    await delay(5);

    expect(seen).toEqual(['aborted']);
  });
});
