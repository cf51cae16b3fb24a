/** Nobody reads a line of this length; more is not kept in memory. */
const LONGEST_TAIL = 256 * 1024;

/** The last lines of a text that is read as it streams; memory does not grow with it. */
export async function lastLines(text: AsyncIterable<Buffer>, limit: number): Promise<string[]> {
  let tail: Buffer = Buffer.alloc(0);
  for await (const chunk of text) {
    tail = Buffer.concat([tail, chunk]);
    if (tail.length > 2 * LONGEST_TAIL) tail = tail.subarray(tail.length - LONGEST_TAIL);
  }
  const lines = tail.toString('utf8').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.slice(-limit).map((line) => printable(line));
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
