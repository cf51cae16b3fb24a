import { setTimeout as delay } from 'node:timers/promises';
import { detailOf } from '../../docker/engine-errors.ts';
import type { Diagnosis } from '../../model/schema/diagnosis.ts';

const PATIENCE_MS = 45_000;

export type Finding = Omit<Diagnosis, 'part' | 'ok' | 'todo'>;

/** Thrown by a check that knows what to do about what it found. */
export class Ailment extends Error {
  readonly todo: string;
  /** What was found all the same. */
  readonly found: Partial<Finding>;
  constructor(message: string, todo: string, found: Partial<Finding> = {}) {
    super(message);
    this.todo = todo;
    this.found = found;
  }
}

/**
 * Makes a diagnosis of a check: what it throws is what is wrong, with `todo` unless it says something better. So is silence
 * for longer than `patienceMs`.
 */
export async function diagnosed(
  part: string,
  todo: string,
  check: () => Promise<Finding>,
  patienceMs = PATIENCE_MS,
): Promise<Diagnosis> {
  try {
    return { part, ok: true, ...(await within(patienceMs, check())) };
  } catch (error) {
    if (error instanceof Ailment)
      return { part, ok: false, ...error.found, message: error.message, todo: error.todo };
    return { part, ok: false, message: firstLine(error), todo };
  }
}

/** A part that keeps silent must not silence the others. */
async function within(patienceMs: number, checking: Promise<Finding>): Promise<Finding> {
  const enough = new AbortController();
  try {
    const silence = delay(patienceMs, undefined, { signal: enough.signal }).then(() => {
      throw new Error(`gives no answer within ${patienceMs / 1000} s`);
    });
    silence.catch(() => undefined);
    return await Promise.race([checking, silence]);
  } finally {
    enough.abort();
  }
}

/** A table has no room for more. */
function firstLine(error: unknown): string {
  return detailOf(error).split('\n')[0] ?? '';
}
