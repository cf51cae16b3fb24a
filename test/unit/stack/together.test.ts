import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { together } from '../../../stack/together.ts';

describe('together', () => {
  it('gives all results in their order', async () => {
    const signal = new AbortController().signal;

    expect(await together(signal, () => [sleep(10, 'slow'), Promise.resolve(2)])).toEqual(['slow', 2]);
  });

  it('throws the first failure, but only after the others were aborted and have ended', async () => {
    let hasEnded = false;
    const work = together(new AbortController().signal, (signal) => [
      Promise.reject(new Error('first')),
      sleep(60_000, undefined, { signal }).finally(async () => {
        await sleep(10);
        hasEnded = true;
      }),
    ]);

    await expect(work).rejects.toThrow('first');
    expect(hasEnded).toBe(true);
  });
});
