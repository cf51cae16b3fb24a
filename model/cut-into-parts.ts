/** Fills a body into buffers that `take` gives, each to its end; of the last one what there is. */
export async function* cutIntoParts(
  chunks: AsyncIterable<Buffer>,
  take: () => Buffer,
): AsyncGenerator<Buffer, void> {
  let part = take();
  let filledBytes = 0;
  for await (const chunk of chunks) {
    let takenBytes = 0;
    while (takenBytes < chunk.length) {
      const copiedBytes = chunk.copy(part, filledBytes, takenBytes);
      takenBytes += copiedBytes;
      filledBytes += copiedBytes;
      if (filledBytes < part.length) continue;
      yield part;
      part = take();
      filledBytes = 0;
    }
  }
  if (filledBytes > 0) yield part.subarray(0, filledBytes);
}
