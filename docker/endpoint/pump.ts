import type { Readable, Writable } from 'node:stream';

/** Large enough that a stream wakes rarely, small enough for many uploads side by side. */
export const CHUNK_BYTES = 1024 * 1024;

/**
 * Moves a request's body into a sink without ending the sink. Unlike `pipeline` it leaves the request alive when the
 * sink fails, so that an answer can still be sent: a modern engine gives the whole push up at a cut connection.
 */
export async function pump(body: Readable, sink: Writable, onBytes: (count: number) => void): Promise<void> {
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    if (sink.destroyed) throw sink.errored ?? new Error('the sink was closed');
    onBytes((chunk as Buffer).length);
    if (!sink.write(chunk)) await drained(sink);
  }
  if (sink.destroyed && sink.errored) throw sink.errored;
}

function drained(sink: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      sink.off('drain', done);
      sink.off('close', done);
      if (sink.destroyed) reject(sink.errored ?? new Error('the sink was closed'));
      else resolve();
    };
    sink.once('drain', done);
    sink.once('close', done);
  });
}
