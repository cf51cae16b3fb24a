import { describe, expect, it } from '@jest/globals';
import { lookAtClocks } from '../../../stack/doctor/look-at-clocks.ts';

const clock = (of: string, aheadMs: number) => ({ of, read: () => Promise.resolve(Date.now() + aheadMs) });

describe('doctor about clocks', () => {
  it('holds each against this machine’s, and says which is wrong and by how much', async () => {
    expect(await lookAtClocks([clock('Temporal', 0), clock('the store', 1_000)])).toMatchObject([
      { ok: true, message: "of Temporal, the store agree with this machine's" },
    ]);
    expect(await lookAtClocks([clock('Temporal', -300_000), clock('the store', 0)])).toMatchObject([
      { ok: false, message: "the clock of Temporal is 5 min behind this machine's" },
    ]);
  });

  it('takes one that was read before as it was then, however long the other checks have taken since', async () => {
    expect(await lookAtClocks([{ of: 'Temporal', aheadMs: -2_000 }])).toMatchObject([{ ok: true }]);
    expect(await lookAtClocks([{ of: 'Temporal', aheadMs: 60_000 }])).toMatchObject([
      { ok: false, message: "the clock of Temporal is 60 s ahead of this machine's" },
    ]);
  });

  it('says nothing of those that nobody could read', async () => {
    const silent = { of: 'the store', read: () => Promise.reject(new Error('It is away')) };

    expect(await lookAtClocks([{ of: 'Temporal', aheadMs: undefined }, silent])).toEqual([]);
  });
});
