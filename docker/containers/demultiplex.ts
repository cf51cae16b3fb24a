import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';

const HEADER_BYTES = 8;

/**
 * Takes the frames off an attached stream of a container without a terminal: 8 bytes of header (which stream, how
 * long), then as many of output. Output goes on as it comes, stdout and stderr in the engine's order.
 */
export function demultiplex(): Transform {
  let header = Buffer.alloc(0);
  let payloadBytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, callback: TransformCallback) {
      let rest = chunk;
      while (rest.length > 0) {
        if (payloadBytes > 0) {
          const payload = rest.subarray(0, payloadBytes);
          payloadBytes -= payload.length;
          rest = rest.subarray(payload.length);
          this.push(payload);
          continue;
        }
        const part = rest.subarray(0, HEADER_BYTES - header.length);
        rest = rest.subarray(part.length);
        header = Buffer.concat([header, part]);
        if (header.length < HEADER_BYTES) continue;
        payloadBytes = header.readUInt32BE(4);
        header = Buffer.alloc(0);
      }
      callback();
    },
    flush(callback) {
      const whole = header.length === 0 && payloadBytes === 0;
      callback(whole ? null : new Error('the output ended in the middle of a frame'));
    },
  });
}
