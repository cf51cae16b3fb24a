import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Transform, pipeline } from 'node:stream';
import { DigestMismatch } from '../model/errors.ts';
import type { Digest } from '../model/pure/ids.ts';

/**
 * Passes a body on and fails it with {@link DigestMismatch} at its end when its bytes are not those of the digest. The last
 * chunk waits for the verdict, so a reader that counts bytes never takes wrong ones for whole.
 */
export function checkDigest(body: Readable, digest: Digest, what = `Blob ${digest} in the store`): Readable {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      const passed = held;
      held = chunk;
      done(null, passed);
    },
    flush(done) {
      const got: Digest = `sha256:${hash.digest('hex')}`;
      if (got === digest) done(null, held);
      else done(new DigestMismatch(what, digest, got));
    },
  });
  // The error reaches the reader through the stream that is given.
  return pipeline(body, check, () => undefined);
}
