import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { takeSeat, tryTakeSeat } from '../../../workers/builder-seat.ts';

describe('seats of builders', () => {
  const row = { fleet: randomUUID(), level: 1, host: 'unix:///e' };

  it('are taken lowest first, never twice, and again when they are free', async () => {
    const [first, second] = await Promise.all([takeSeat(row), takeSeat(row)]);
    expect([first.number, second.number].sort()).toEqual([0, 1]);
    expect(await tryTakeSeat(row, 0)).toBeUndefined();

    const zero = first.number === 0 ? first : second;
    await zero.release();
    const third = await takeSeat(row);

    expect(third.number).toBe(0);
    await Promise.all([first, second, third].map((seat) => seat.release()));
  });

  it('are in a row of their own for each fleet, level and engine', async () => {
    const rows = [row, { ...row, level: 3 }, { ...row, host: 'unix:///other' }, { ...row, fleet: 'b' }];

    const seats = await Promise.all(rows.map((each) => takeSeat(each)));

    expect(seats.map(({ number }) => number)).toEqual([0, 0, 0, 0]);
    await Promise.all(seats.map((seat) => seat.release()));
  });
});
