/** Nobody reads a line of this length; more is not kept in memory. */
const LONGEST_TAIL = 256 * 1024;

/** Has the last lines of most logs. */
const USUAL_TAIL = 64 * 1024;

/** The last lines of a text that is read as it streams; memory does not grow with it. */
export async function lastLines(text: AsyncIterable<Buffer>, limit: number): Promise<string[]> {
  return (await readEnd(text)).lines.slice(-limit).map(printable);
}

/** The last lines of a text whose end can be read by itself, from so many bytes before it on: of a long one not much more is read. */
export async function lastLinesOf(
  read: (tailBytes: number) => AsyncIterable<Buffer>,
  limit: number,
): Promise<string[]> {
  const { lines, bytes } = await readEnd(read(USUAL_TAIL));
  // Where it did not begin with the text the first line is only the rest of one.
  if (lines.length > limit || bytes < USUAL_TAIL) return lines.slice(-limit).map(printable);
  return lastLines(read(LONGEST_TAIL), limit);
}

async function readEnd(
  text: AsyncIterable<Buffer>,
): Promise<{ readonly lines: readonly string[]; readonly bytes: number }> {
  let tail: Buffer = Buffer.alloc(0);
  let bytes = 0;
  for await (const chunk of text) {
    bytes += chunk.length;
    tail = Buffer.concat([tail, chunk]);
    if (tail.length > 2 * LONGEST_TAIL) tail = tail.subarray(tail.length - LONGEST_TAIL);
  }
  const lines = tail.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return { lines, bytes };
}

/** A text of the tree as one cell of a table: its first line. */
export function firstLine(text: string): string {
  return printable(text.trimStart().split(/\r?\n/, 1)[0] ?? '').trimEnd();
}

/** What came from a task does not steer the reader's terminal; of a line that was rewritten in place, its last state counts. */
function printable(line: string): string {
  const shown = line.replace(/\r+$/, '').split('\r').at(-1) ?? '';
  return shown
    .replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '')
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
}
