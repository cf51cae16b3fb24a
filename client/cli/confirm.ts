import { createInterface } from 'node:readline/promises';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';

/** Asks the person at the terminal. @throws {UsageError} where nobody can answer. */
export async function confirm(question: string, { signal }: Pick<Session, 'signal'>): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError(`${question} Nobody is here to answer: add --yes`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal })).trim());
  } finally {
    lines.close();
  }
}
