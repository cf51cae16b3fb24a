import { describe, expect, it } from '@jest/globals';
import { withPatience } from '../../../store/patience.ts';

const passing = new Error('passing');
const isTransient = (failure: unknown): boolean => failure === passing;

describe('withPatience', () => {
  it('tries again until it succeeds, counting from 1', async () => {
    const tries: number[] = [];

    const result = await withPatience(
      async (n) => {
        tries.push(n);
        if (n < 3) throw passing;
        return 'done';
      },
      { budgetMs: 60_000, isTransient },
    );

    expect(result).toBe('done');
    expect(tries).toEqual([1, 2, 3]);
  });

  it('throws at once what does not pass', async () => {
    const refusal = new Error('refused');
    let tries = 0;

    const trying = withPatience(
      async () => {
        tries += 1;
        throw refusal;
      },
      { budgetMs: 60_000, isTransient },
    );

    await expect(trying).rejects.toBe(refusal);
    expect(tries).toBe(1);
  });

  it('throws the last failure when its time is over', async () => {
    const trying = withPatience(() => Promise.reject(passing), { budgetMs: 1, isTransient });

    await expect(trying).rejects.toBe(passing);
  });

  it('stops waiting with the signal’s reason', async () => {
    const reason = new Error('not wanted');
    const stop = new AbortController();

    const trying = withPatience(
      () => {
        setTimeout(() => stop.abort(reason), 10);
        return Promise.reject(passing);
      },
      { budgetMs: 3_600_000, isTransient, signal: stop.signal },
    );

    await expect(trying).rejects.toBe(reason);
  });
});
