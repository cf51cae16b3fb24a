import { describe, expect, it } from '@jest/globals';
import {
  heldName,
  isHeld,
  isHeldBy,
  isPast,
  isTemporaryName,
  isUseName,
  lastUseOf,
  usedName,
} from '../../../docker/room/use-names.ts';
import { parseDiskBudget } from '../../../model/disk-budget.ts';

const NOW = 1_800_000_000_000;

describe('names that tell of use', () => {
  it('say when, and for whom an image is held until then', () => {
    const used = usedName(`sha256:${'a'.repeat(64)}`, NOW - 60_000);
    const held = heldName('0123abcd', NOW);
    expect(lastUseOf(['debian:bookworm', used])).toBe(NOW - 60_000);
    expect(lastUseOf([used, held])).toBe(NOW);
    expect(lastUseOf(['debian:bookworm'])).toBeUndefined();
    expect([used, held].every(isUseName)).toBe(true);
    expect(isHeldBy(held, '0123abcd')).toBe(true);
    expect(isHeldBy(held, '0123')).toBe(false);
    expect(isHeldBy(usedName('sha256:0123abcd', NOW), '0123abcd')).toBe(false);
  });

  it('hold for an hour at most, and only the hold itself counts', () => {
    const HOUR = 3_600_000;
    expect(isHeld([heldName('a1', NOW)], NOW + HOUR - 1000)).toBe(true);
    expect(isHeld([heldName('a1', NOW)], NOW + HOUR)).toBe(false);
    expect(isHeld([heldName('a1', NOW), usedName('sha256:b', NOW + HOUR)], NOW + HOUR)).toBe(false);
  });

  it('are past when they tell of an earlier use, or of a hold that nobody has lifted within its hour', () => {
    const HOUR = 3_600_000;
    expect(isPast(usedName('sha256:b', NOW), NOW)).toBe(true);
    expect(isPast(heldName('a1', NOW), NOW + HOUR - 1000)).toBe(false);
    expect(isPast(heldName('a1', NOW), NOW + HOUR)).toBe(true);
    for (const name of ['debian:bookworm', 'slipway.invalid/image:x', 'slipway.invalid/held:of-somebody'])
      expect(isPast(name, NOW)).toBe(false);
  });

  it('are told from those of builds and transfers under way', () => {
    for (const name of ['build:x', 'parent:x', 'image:loading-x'])
      expect(isTemporaryName(`slipway.invalid/${name}`)).toBe(true);
    expect(isTemporaryName('127.0.0.1:5000/slipway:x')).toBe(true);
    for (const name of ['slipway.invalid/image:x', '127.0.0.1:5000/other:x', 'debian:bookworm'])
      expect(isTemporaryName(name)).toBe(false);
  });
});

describe('parseDiskBudget', () => {
  it.each([
    ['40 GB', { kind: 'bytes', bytes: 40e9 }],
    ['1.5GiB', { kind: 'bytes', bytes: 1.5 * 1024 ** 3 }],
    ['123', { kind: 'bytes', bytes: 123 }],
    ['30%', { kind: 'share', share: 0.3 }],
    ['0', { kind: 'none' }],
    ['none', { kind: 'none' }],
    ['101%', undefined],
    ['many', undefined],
    ['-1 GB', undefined],
    ['', undefined],
  ])('reads %p', (text, expected) => {
    expect(parseDiskBudget(text)).toEqual(expected);
  });
});
