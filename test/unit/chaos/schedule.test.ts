import { describe, expect, it } from '@jest/globals';
import { makeSchedule } from '../../chaos/schedule.ts';

describe('a schedule of chaos', () => {
  it('is the same for the same seed, and another one for another', () => {
    const schedule = makeSchedule(641, 5);

    expect(makeSchedule(641, 5)).toEqual(schedule);
    expect(makeSchedule(642, 5)).not.toEqual(schedule);
  });

  it('of the suite has every kind of fault and of push', () => {
    const { faults, pushes } = makeSchedule(641, 5);

    expect(new Set(faults.map(({ kind }) => kind)).size).toBe(14);
    expect(new Set(pushes.map(({ kind }) => kind)).size).toBe(15);
  });
});
