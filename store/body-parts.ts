import type { Readable } from 'node:stream';
import { DigestMismatch } from '../model/errors.ts';

/** The beginning of a body, held in memory until it is decided what to do with the whole. */
export interface OpenedBody {
  /** Let go once it was read: an upload may take long, and there may be many. */
  readonly head: Buffer[];
  readonly headBytes: number;
  /** What follows the head, or undefined when the head is all. Can be taken once. */
  readonly rest: AsyncIterator<Buffer> | undefined;
}

/** Reads until more than `headMaxBytes` are there or the body ends. */
export async function openBody(body: Readable, headMaxBytes: number): Promise<OpenedBody> {
  const chunks = buffersOf(body);
  const head: Buffer[] = [];
  let headBytes = 0;
  while (headBytes <= headMaxBytes) {
    const { done, value } = await chunks.next();
    if (done) return { head, headBytes, rest: undefined };
    head.push(value);
    headBytes += value.length;
  }
  return { head, headBytes, rest: chunks };
}

/** The whole body again, once: the head, then the rest. */
export async function* wholeBody(opened: OpenedBody): AsyncGenerator<Buffer, void> {
  yield* opened.head;
  opened.head.length = 0;
  if (opened.rest) yield* { [Symbol.asyncIterator]: () => opened.rest as AsyncIterator<Buffer> };
}

/** @throws {DigestMismatch} when a body has another length than was announced. */
export function checkSize(key: string, gotBytes: number, expectedBytes: number | undefined): void {
  if (expectedBytes === undefined || gotBytes === expectedBytes) return;
  const got = gotBytes > expectedBytes ? 'more' : `${gotBytes} bytes`;
  throw new DigestMismatch(key, `${expectedBytes} bytes`, got);
}

async function* buffersOf(body: Readable): AsyncGenerator<Buffer, void> {
  for await (const chunk of body as AsyncIterable<Uint8Array | string>) {
    yield typeof chunk === 'string'
      ? Buffer.from(chunk)
      : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
}
