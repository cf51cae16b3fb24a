import { describe, expect, it } from '@jest/globals';
import type { Choosable } from '../../../docker/room/choose-image.ts';
import { chooseImage, takenBytes } from '../../../docker/room/choose-image.ts';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

interface Image extends Choosable {
  readonly name: string;
}

const image = (name: string, fields: Partial<Choosable> & { readonly bytes?: number } = {}): Image => ({
  name,
  layers: [{ key: name, bytes: fields.bytes ?? 100 }],
  lastUsedMs: NOW - HOUR,
  secondsToGetBack: 10,
  mayGo: true,
  ...fields,
});

/** Names in the order in which they go until the limit is kept. */
function gone(images: readonly Image[], limitBytes: number): string[] {
  const names: string[] = [];
  for (let left = images; ;) {
    const next = chooseImage(left, { limitBytes, nowMs: NOW });
    if (!next) return names;
    names.push(next.name);
    left = left.filter((other) => other !== next);
  }
}

describe('chooseImage', () => {
  it('chooses none while the limit is kept, also exactly', () => {
    expect(gone([image('a'), image('b')], 200)).toEqual([]);
    expect(gone([image('a'), image('b')], 199)).toHaveLength(1);
  });

  it('of equals takes the one that was unused for longest, and no more than must go', () => {
    const images = ['now', 'hour', 'day'].map((name, at) =>
      image(name, { lastUsedMs: NOW - [0, HOUR, 24 * HOUR][at]! }),
    );
    expect(gone(images, 200)).toEqual(['day']);
    expect(gone(images, 0)).toEqual(['day', 'hour', 'now']);
  });

  it('takes what is large and quickly had again before what is small and costly', () => {
    const large = image('large', { bytes: 2_000_000_000, secondsToGetBack: 42 });
    const costly = image('costly', { bytes: 50_000_000, secondsToGetBack: 600, lastUsedMs: NOW - 20 * HOUR });
    expect(gone([costly, large], 1)).toEqual(['large', 'costly']);
  });

  it('counts layers that images share once, and lets what frees nothing alone go last', () => {
    const base = { key: 'base', bytes: 1000 };
    const parent = image('parent', { layers: [base], lastUsedMs: NOW - 5 * HOUR });
    const child = image('child', { layers: [base, { key: 'top', bytes: 10 }] });
    const twins = [image('twin', { layers: [base] }), image('other', { layers: [base] })];
    expect(takenBytes([parent, child])).toBe(1010);
    expect(gone([parent, child], 1005)).toEqual(['child']);
    expect(gone(twins, 999)).toHaveLength(2);
  });

  it('holds on random images: never one that must stay, always below the limit or nothing left that may go', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    for (let round = 0; round < 300; round += 1) {
      const shared = Array.from({ length: 4 }, (_, at) => ({ key: `shared-${at}`, bytes: random(1000) }));
      const images = Array.from({ length: 1 + random(12) }, (_, at) =>
        image(`${at}`, {
          layers: [...shared.slice(0, random(5)), { key: `own-${at}`, bytes: random(1000) }],
          lastUsedMs: NOW + HOUR - random(100 * HOUR),
          secondsToGetBack: random(700),
          mayGo: random(3) > 0,
        }),
      );
      const limit = random(6000);
      const names = gone(images, limit);
      const left = images.filter(({ name }) => !names.includes(name));

      expect(new Set(names).size).toBe(names.length);
      for (const { name } of images.filter(({ mayGo }) => !mayGo)) expect(names).not.toContain(name);
      if (takenBytes(left) > limit) expect(left.filter(({ mayGo }) => mayGo)).toEqual([]);
      // Without the last one it was not enough.
      const before = images.filter(({ name }) => !names.slice(0, -1).includes(name));
      if (names.length > 0) expect(takenBytes(before)).toBeGreaterThan(limit);
    }
  });
});
