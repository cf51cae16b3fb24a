import { WORKER_MARK } from '../../steps/run-log.ts';

const NEWLINE = 0x0a;
const DIGITS = 10;

/** A shell command that prints a text so many times, each time with its number before it. */
export function printNumbered(text: string, count: number): string {
  return `yes '${text}' | head -n ${count} | nl -w ${DIGITS} -n rz -s ' '`;
}

/** The bytes of what {@link printNumbered} prints. */
export function bytesOfNumbered(text: string, count: number): number {
  return count * (DIGITS + 1 + text.length + 1);
}

/**
 * Reads a log to its end, line by line as it comes, past what the worker says itself.
 * @throws {Error} unless every line of {@link printNumbered} is there as it was printed, in order, and nothing else.
 */
export async function expectNumbered(
  log: AsyncIterable<Buffer>,
  { text, count }: { readonly text: string; readonly count: number },
): Promise<void> {
  let seen = 0;
  let rest = Buffer.alloc(0);
  for await (const part of log) {
    const bytes = rest.length === 0 ? part : Buffer.concat([rest, part]);
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      const line = bytes.toString('latin1', from, end);
      from = end + 1;
      if (line.startsWith(WORKER_MARK)) continue;
      seen += 1;
      if (line !== `${String(seen).padStart(DIGITS, '0')} ${text}`)
        throw new Error(`In the place of line ${seen} of ${count} the log has: ${line.slice(0, 200)}`);
    }
    rest = Buffer.from(bytes.subarray(from));
  }
  if (seen !== count || rest.length > 0)
    throw new Error(
      `The log ends after line ${seen} of ${count}${rest.length > 0 ? ' and a part of one' : ''}`,
    );
}
