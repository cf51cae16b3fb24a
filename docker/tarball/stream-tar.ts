import { Readable } from 'node:stream';
import { pack as createPack } from 'tar-stream';
import type { Pack } from 'tar-stream';

/** A tar as it is filled. What goes wrong in filling it comes out of the stream; giving that up aborts the filling. */
export function streamTar(
  fill: (pack: Pack, signal: AbortSignal) => Promise<void>,
  given: AbortSignal,
): Readable {
  const ended = new AbortController();
  const pack = createPack();
  fill(pack, AbortSignal.any([given, ended.signal])).then(
    () => pack.finalize(),
    (error: unknown) => pack.destroy(error as Error),
  );
  const tar = Readable.from(pack, { objectMode: false });
  tar.once('close', () => ended.abort(new Error('the tar was given up')));
  return tar;
}
