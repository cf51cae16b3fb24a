/**
 * Passes a stream on and notes the error that it itself ends with. A stream that is given up has an error too, of whoever
 * gave it up, which would hide why.
 */
export async function* noteFailure(
  body: AsyncIterable<unknown>,
  onFailure: (error: Error) => void,
): AsyncGenerator<Buffer> {
  const chunks = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch((error: Error) => {
        onFailure(error);
        throw error;
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await chunks.return?.();
  }
}
