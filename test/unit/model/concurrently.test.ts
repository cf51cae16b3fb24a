import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { forEachConcurrently, mapAhead, mapConcurrently, mapEachOnce } from '../../../model/concurrently.ts';

describe('mapping each once', () => {
  it('gives all that are equal one result', async () => {
    const asked: object[] = [];
    const resultOf = await mapEachOnce([{ n: 1 }, { n: 2 }, { n: 1 }], (item) => {
      asked.push(item);
      return Promise.resolve({ of: item.n });
    });

    expect(asked).toEqual([{ n: 1 }, { n: 2 }]);
    expect(resultOf({ n: 2 })).toEqual({ of: 2 });
    expect(resultOf({ n: 1 })).toBe(resultOf({ n: 1 }));
  });
});

describe('mapping concurrently', () => {
  it('keeps the order and never has more under way than it may', async () => {
    let underWay = 0;
    let most = 0;
    const double = async (n: number): Promise<number> => {
      most = Math.max(most, (underWay += 1));
      for (let turns = n % 3; turns >= 0; turns -= 1) await turn();
      underWay -= 1;
      return n * 2;
    };
    await expect(mapConcurrently(new Set([1, 2, 3, 4, 5, 6, 7]), double, 3)).resolves.toEqual([
      2, 4, 6, 8, 10, 12, 14,
    ]);
    expect(most).toBe(3);
    await expect(mapConcurrently([], double, 3)).resolves.toEqual([]);
  });

  it('throws the first error when what was under way has ended, and begins nothing after it', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = async (n: number): Promise<void> => {
      begun.push(n);
      if (n === 1) throw new RangeError('first');
      for (let turns = 20; turns > 0; turns -= 1) await turn();
      ended.push(n);
      if (n === 2) throw new RangeError('second');
    };
    await expect(mapConcurrently([0, 1, 2, 3, 4], work, 3)).rejects.toThrow('first');
    expect(begun).toEqual([0, 1, 2]);
    expect(ended).toEqual([0, 2]);
  });

  it('throws also what is thrown as undefined', async () => {
    const nothing = (): Promise<void> => Promise.reject(undefined as unknown as Error);
    await expect(mapConcurrently([1], nothing)).rejects.toBeUndefined();
  });
});

describe('mapping ahead', () => {
  it('gives results in order, and has no more under way or waiting than it may', async () => {
    const begun: number[] = [];
    const double = async (n: number): Promise<number> => {
      begun.push(n);
      for (let turns = n % 3; turns >= 0; turns -= 1) await turn();
      return n * 2;
    };

    const got: number[] = [];
    for await (const result of mapAhead([1, 2, 3, 4, 5, 6, 7], double, 3)) {
      got.push(result);
      for (let turns = 5; turns > 0; turns -= 1) await turn();
      expect(begun.length).toBe(Math.min(7, got.length + 2));
    }
    expect(got).toEqual([2, 4, 6, 8, 10, 12, 14]);
  });

  it('throws the error of the first that has one, when what was under way has ended, and begins no more', async () => {
    const [begun, ended]: [number[], number[]] = [[], []];
    const work = async (n: number): Promise<number> => {
      begun.push(n);
      for (let turns = n === 2 ? 1 : 20; turns > 0; turns -= 1) await turn();
      ended.push(n);
      if (n === 2) throw new RangeError('second');
      return n;
    };

    const got: number[] = [];
    const taking = async (): Promise<void> => {
      for await (const result of mapAhead([1, 2, 3, 4, 5, 6], work, 3)) got.push(result);
    };
    await expect(taking()).rejects.toThrow('second');
    expect(got).toEqual([1]);
    expect(begun).toEqual([1, 2, 3, 4]);
    expect(ended.sort()).toEqual([1, 2, 3, 4]);
  });
});

describe('work on each item of a stream', () => {
  it('fails with what failed while the next item was waited for, and begins no more', async () => {
    const begun: number[] = [];
    let ended = 0;
    const items = async function* (): AsyncGenerator<number> {
      yield 1;
      yield 2;
      for (let turns = 20; turns > 0; turns -= 1) await turn();
      yield 3;
      yield 4;
    };
    const work = async (n: number): Promise<void> => {
      begun.push(n);
      for (let turns = n === 1 ? 1 : 40; turns > 0; turns -= 1) await turn();
      ended += 1;
      if (n === 1) throw new RangeError('first');
    };

    await expect(forEachConcurrently(items(), work)).rejects.toThrow('first');
    expect(begun).toEqual([1, 2, 3]);
    expect(ended).toBe(3);
  });
});
