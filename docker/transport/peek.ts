/** The first bytes of a stream, at least so many if it has them, and the whole stream with them. */
export async function peek(
  body: AsyncIterable<unknown>,
  bytes: number,
): Promise<{ readonly start: Buffer; readonly whole: AsyncGenerator<Buffer> }> {
  const chunks = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  while (start.length < bytes) {
    const next = await chunks.next();
    if (next.done) break;
    start = start.length === 0 ? next.value : Buffer.concat([start, next.value]);
  }
  return { start, whole: again(start, chunks) };
}

async function* again(start: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (start.length > 0) yield start;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
