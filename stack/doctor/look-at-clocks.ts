import { setTimeout as delay } from 'node:timers/promises';
import type { Diagnosis } from '../../model/schema/diagnosis.ts';
import { diagnosed } from './diagnosed.ts';

export interface Clock {
  readonly of: string;
  /** Milliseconds since 1970; undefined when it cannot be known, as when its owner does not answer. */
  readonly read: () => Promise<number | undefined>;
}

/** A clock that was read before, while its owner was looked at. */
export interface ReadClock {
  readonly of: string;
  /** How far it was ahead of this machine's then, in milliseconds; undefined when it could not be read. */
  readonly aheadMs: number | undefined;
}

/** Servers tell whole seconds, and signatures bear minutes. */
const TOLERANCE_MS = 20_000;
const PATIENCE_MS = 20_000;

/** Whether the clocks of the parts go as this machine's does: signatures, leases and records need that. */
export async function lookAtClocks(clocks: readonly (Clock | ReadClock)[]): Promise<readonly Diagnosis[]> {
  const differences = await Promise.all(
    clocks.map(async (clock) => {
      if ('aheadMs' in clock) return { of: clock.of, ms: clock.aheadMs };
      const { of, read } = clock;
      const before = Date.now();
      const time = await Promise.race([
        read().catch(() => undefined),
        delay(PATIENCE_MS, undefined, { ref: false }),
      ]);
      return { of, ms: time === undefined ? undefined : time - (before + Date.now()) / 2 };
    }),
  );
  const known = differences.filter(({ ms }) => ms !== undefined) as { of: string; ms: number }[];
  if (known.length === 0) return [];
  const todo = 'Set both clocks right, for example: sudo timedatectl set-ntp true';
  return [
    await diagnosed('clocks', todo, () => {
      const wrong = known.filter(({ ms }) => Math.abs(ms) > TOLERANCE_MS);
      if (wrong.length > 0) return Promise.reject(new Error(wrong.map(describe).join('; ')));
      return Promise.resolve({
        message: `of ${known.map(({ of }) => of).join(', ')} agree with this machine's`,
      });
    }),
  ];
}

function describe({ of, ms }: { readonly of: string; readonly ms: number }): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  const time = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return `the clock of ${of} is ${time} ${ms > 0 ? 'ahead of' : 'behind'} this machine's`;
}
