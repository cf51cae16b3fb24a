import type { Diagnosis } from '../../model/schema/diagnosis.ts';

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

/** Makes a diagnosis of a check: what it throws is what is wrong, with `todo` unless it says something better. */
export async function diagnosed(
  part: string,
  todo: string,
  check: () => Promise<Finding>,
): Promise<Diagnosis> {
  try {
    return { part, ok: true, ...(await check()) };
  } catch (error) {
    if (error instanceof Ailment)
      return { part, ok: false, ...error.found, message: error.message, todo: error.todo };
    return { part, ok: false, message: firstLine(error), todo };
  }
}

/** A table has no room for more. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.trim().split('\n')[0] ?? '';
}
