import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const compress = promisify(gzip);

/** Blocks are compressed apart from one another; at this size that costs next to nothing of the ratio. */
const BLOCK_BYTES = 1024 * 1024;

/** Blocks in flight: enough for every core, and all the memory that this takes. */
const IN_FLIGHT = Math.min(availableParallelism() + 2, 8);

/**
 * Compresses a stream on all cores with flat memory: one gzip member for each block, which together are a gzip file like any
 * other. The same bytes give the same file, however they are cut into chunks.
 */
export async function* gzipInParallel(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const inFlight: Promise<Buffer>[] = [];
  const begin = (block: Buffer): void => {
    const compressed = compress(block);
    // Whoever gives the stream up does not wait for it.
    compressed.catch(() => undefined);
    inFlight.push(compressed);
  };
  let isEmpty = true;
  for await (const block of blocksOf(body)) {
    isEmpty = false;
    begin(block);
    if (inFlight.length >= IN_FLIGHT) yield (await inFlight.shift()) as Buffer;
  }
  if (isEmpty) begin(Buffer.alloc(0));
  for (const compressed of inFlight) yield await compressed;
}

async function* blocksOf(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    let rest = chunk;
    while (bytes + rest.length >= BLOCK_BYTES) {
      const cut = BLOCK_BYTES - bytes;
      yield Buffer.concat([...chunks, rest.subarray(0, cut)]);
      [chunks, bytes, rest] = [[], 0, rest.subarray(cut)];
    }
    if (rest.length === 0) continue;
    chunks.push(rest);
    bytes += rest.length;
  }
  if (bytes > 0) yield Buffer.concat(chunks);
}
