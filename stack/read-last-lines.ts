import { open } from 'node:fs/promises';

const TAIL_BYTES = 8_192;
const LINE_LENGTH = 300;

/** The last lines of a log as one line for a message; empty when there is none. */
export async function readLastLines(path: string, count: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return '';
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    const lines = buffer.subarray(0, bytesRead).toString('utf8').trim().split('\n');
    return lines.slice(-count).map(shorten).join(' | ');
  } finally {
    await file.close();
  }
}

/** Some programs write a whole stack into one line; what matters is mostly at its end. */
function shorten(line: string): string {
  return line.length <= LINE_LENGTH ? line : `${line.slice(0, 80)} … ${line.slice(80 - LINE_LENGTH)}`;
}
