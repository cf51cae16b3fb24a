import { Duplex } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import { ZstdFrames } from './zstd-frames.ts';

/**
 * Unpacks a zstd file of any number of frames, as most tools write them. Node's own decoder takes what is left of a chunk in which a
 * frame ends for rubbish (nodejs/node#64741), and a file that breaks off for a whole one (#64593): so it is given the bytes of
 * one frame at a time, and the frames are followed here.
 */
export class ZstdUnpacker extends Duplex {
  readonly #frames = new ZstdFrames();
  readonly #decoder: ReturnType<typeof createZstdDecompress>;

  constructor(options: { readonly chunkSize: number }) {
    super();
    this.#decoder = createZstdDecompress(options)
      .on('data', (bytes) => {
        if (!this.push(bytes)) this.#decoder.pause();
      })
      .on('end', () => this.push(null))
      .on('error', (error) => this.destroy(error));
  }

  override _read(): void {
    this.#decoder.resume();
  }

  /** Waits after each frame: small ones may unpack to very much together. */
  override _write(chunk: Buffer, encoding: BufferEncoding, done: TransformCallback): void {
    const end = this.#frames.pass(chunk);
    this.#decoder.write(chunk.subarray(0, end), (error) => {
      if (error || end === chunk.length) done(error);
      else this._write(chunk.subarray(end), encoding, done);
    });
  }

  override _final(done: TransformCallback): void {
    if (this.#frames.isInside) done(brokenOff());
    else this.#decoder.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#decoder.destroy();
    done(error);
  }
}

/** As the decoder of gzip says it. */
function brokenOff(): Error {
  return Object.assign(new Error('unexpected end of file'), { code: 'Z_BUF_ERROR' });
}
