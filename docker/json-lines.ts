import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** The JSON documents of a progress stream (build, pull), one after another. Documents are divided by line ends. */
export async function* jsonLines(stream: Readable): AsyncGenerator<unknown> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim()) yield JSON.parse(line);
  }
  if (rest.trim()) yield JSON.parse(rest);
}

/** The error that a document of a progress stream carries, if it is one. */
export function errorInProgress(document: unknown): string | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  if ('errorDetail' in document && typeof document.errorDetail === 'object' && document.errorDetail !== null)
    if ('message' in document.errorDetail) return String(document.errorDetail.message);
  return 'error' in document ? String(document.error) : undefined;
}
