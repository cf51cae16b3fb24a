import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect, it } from '@jest/globals';
import { contextTar } from '../../../images/context-tar.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';

/** Of the tar that Python's `tarfile` writes of the same files, as taskgraph has it write. */
const SHA256 = '9a14746d164a49ff69e00af398a8bfb71ba271e33b416b6ca49ff2a116cf1e3a';

it.each([1_000_003, 65_536, 512, 4_000_000])(
  'The tar of a large file is the same in pieces of %d bytes',
  async (piece) => {
    const big = Buffer.alloc(3 * 1024 * 1024 + 1);
    for (let at = 0; at < big.length; at += 1) big[at] = at * 7 + (at >> 8);
    const tree = memoryTree({ big });
    const inPieces: typeof tree.readMany = async function* (wanted, signal) {
      for await (const file of tree.readMany(wanted, signal)) {
        const pieces = Array.from({ length: Math.ceil(big.length / piece) }, (_, at) =>
          big.subarray(at * piece, (at + 1) * piece),
        );
        yield { ...file, body: Readable.from(pieces) };
      }
    };
    const files = new Map([['big', (await tree.find('big'))!]]);

    const hash = createHash('sha256');
    for await (const bytes of contextTar(
      { ...tree, readMany: inPieces },
      { files, dockerfile: 'FROM scratch\n' },
    ))
      hash.update(bytes);

    expect(hash.digest('hex')).toBe(SHA256);
  },
);
