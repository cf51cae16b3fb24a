import { describe, expect, it } from '@jest/globals';
import { judge, tableOf } from '../../soak/judge.ts';
import type { Measured } from '../../soak/measure.ts';

const MB = 1024 ** 2;

function series(rss: (i: number) => number, handles: (i: number) => number): Measured[] {
  return Array.from({ length: 100 }, (_, i) => ({
    ms: i * 1000,
    rssBytes: rss(i) * MB,
    handles: handles(i),
  }));
}

describe('the judge of a soak', () => {
  it('calls flat what rises at first, and then goes up and down', () => {
    const flat = series(
      (i) => Math.min(300, 100 + i * 10) + (i % 7) * 15,
      (i) => 40 + (i % 5),
    );
    expect(judge('worker', flat)).toMatchObject({ isFlat: true });
  });

  it('finds memory that grows, and handles that grow, out of the same noise', () => {
    const memory = series(
      (i) => 300 + i * 4 + (i % 7) * 15,
      () => 40,
    );
    const handles = series(
      () => 300,
      (i) => 40 + Math.floor(i / 3) + (i % 5),
    );
    expect(judge('worker', memory).isFlat).toBe(false);
    expect(judge('worker', handles).isFlat).toBe(false);
    expect(tableOf([judge('worker', handles)])).toMatch(/^worker +300 +300 +\d+ +\d+ +GROWS$/m);
  });

  it('refuses to judge from next to nothing', () => {
    expect(() =>
      judge(
        'worker',
        series(
          () => 1,
          () => 1,
        ).slice(0, 5),
      ),
    ).toThrow('too few');
  });
});
