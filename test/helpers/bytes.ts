import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Digest } from '../../model/pure/ids.ts';

export { randomBytes };

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function digestOf(bytes: Buffer | string): Digest {
  return `sha256:${sha256(bytes)}`;
}

/** A body in chunks as a socket would give it. */
export function aBody(bytes: Buffer | string): Readable {
  const buffer = Buffer.from(bytes);
  return Readable.from(
    (function* () {
      for (let from = 0; from < buffer.length; from += 65_536) yield buffer.subarray(from, from + 65_536);
    })(),
  );
}

/** A body that gives its bytes and then neither ends nor breaks. */
export function aStalledBody(bytes: Buffer): Readable {
  const body = new Readable({ read() {} });
  body.push(bytes);
  return body;
}

/** A body that gives its bytes and then breaks. */
export function aBrokenBody(bytes: Buffer, error: Error): Readable {
  return Readable.from(
    (function* () {
      yield bytes;
      throw error;
    })(),
  );
}
