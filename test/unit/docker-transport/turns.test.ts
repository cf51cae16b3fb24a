import { describe, expect, it } from '@jest/globals';
import { Turns } from '../../../docker/transport/turns.ts';

const NEVER = new AbortController().signal;

interface Gate {
  readonly opened: Promise<string>;
  open(): void;
  fail(): void;
}

function gate(): Gate {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  return { opened: promise, open: () => resolve('done'), fail: () => reject(new Error('broke')) };
}

const asking = (turns: Turns, what: string, work: () => Promise<string>, signal = NEVER) => {
  let waits = 0;
  const answer = turns.takeOrWait(what, signal, { work, onWait: () => void (waits += 1) });
  answer.catch(() => undefined);
  return { answer, waits: () => waits };
};

describe('turns', () => {
  it('are for one at a time about the same thing, however the one before ends', async () => {
    const turns = new Turns();
    for (const end of ['open', 'fail'] as const) {
      const first = gate();
      const one = asking(turns, 'layer', () => first.opened);
      const others = [1, 2].map(() => asking(turns, 'layer', () => Promise.resolve('no')));
      expect(await asking(turns, 'another', () => Promise.resolve('at once')).answer).toBe('at once');

      first[end]();

      if (end === 'open') expect(await one.answer).toBe('done');
      else await expect(one.answer).rejects.toThrow('broke');
      expect(await Promise.all(others.map(({ answer }) => answer))).toEqual([undefined, undefined]);
      expect(others.map(({ waits }) => waits())).toEqual([1, 1]);
    }
    expect(await asking(turns, 'layer', () => Promise.resolve('mine')).answer).toBe('mine');
    expect(turns.ended).toBe(5);
  });

  it('are given up by one who waits without ending what goes on', async () => {
    const turns = new Turns();
    const first = gate();
    const one = asking(turns, 'layer', () => first.opened);
    const abort = new AbortController();
    const other = asking(turns, 'layer', () => Promise.resolve('no'), abort.signal);
    const third = asking(turns, 'layer', () => Promise.resolve('no'));

    abort.abort(new Error('cancelled'));

    await expect(other.answer).rejects.toThrow('cancelled');
    first.open();
    expect(await one.answer).toBe('done');
    expect(await third.answer).toBeUndefined();
  });
});
