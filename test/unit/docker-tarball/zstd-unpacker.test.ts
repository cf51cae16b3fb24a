import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, pipeline } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { compressInParallel } from '../../../docker/transport/compress-in-parallel.ts';
import { compressionOf, createUnpacker } from '../../../docker/transport/compression.ts';

jest.setTimeout(60_000);

const withChecksum = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

const unpack = (chunks: readonly Buffer[]): Promise<Buffer> =>
  buffer(pipeline(Readable.from(chunks), createUnpacker('zstd'), () => undefined));

const cut = (bytes: Buffer, chunkBytes: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, n) =>
    bytes.subarray(n * chunkBytes, (n + 1) * chunkBytes),
  );

/** A frame that decoders pass over. */
function skippable(content: Buffer, last = 0): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(0x184d2a50 + last);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

/** Without its size in its head, as it is when nobody knows it before. */
const streamed = (bytes: Buffer, options: object = withChecksum): Promise<Buffer> => {
  const frame = createZstdCompress(options);
  for (const chunk of cut(bytes, 100_000)) frame.write(chunk);
  frame.end();
  return buffer(frame);
};

/** Text that compresses, and noise in it that does not. */
const content = (bytes: number): Buffer =>
  Buffer.concat([Buffer.alloc(bytes - (bytes >> 2), 'some text '), randomBytes(bytes >> 2)]);

describe('a zstd file of several frames', () => {
  it.each([0, 1, 200, 255, 256, 65_791, 65_792, 262_144, 300_001, 1_048_576])(
    'of %i bytes and others comes whole, wherever it is cut around an end',
    async (bytes) => {
      const contents = [content(bytes), content(5), content(bytes)];
      for (const compress of [zstdCompressSync, streamed]) {
        const frames = await Promise.all(contents.map((one) => compress(one, withChecksum)));
        const file = Buffer.concat(frames);
        let end = 0;
        for (const frame of frames) {
          end += frame.length;
          for (let at = Math.max(0, end - 9); at <= Math.min(file.length, end + 9); at += 1) {
            const got = await unpack([file.subarray(0, at), file.subarray(at)]);
            expect(got.equals(Buffer.concat(contents))).toBe(true);
          }
        }
        expect((await unpack([file])).equals(Buffer.concat(contents))).toBe(true);
      }
    },
  );

  it('of 4 MiB each, as Slipway writes them, comes whole wherever it is cut around an end', async () => {
    const plain = content(9_000_000);
    const frames = await Readable.from(compressInParallel(Readable.from([plain]), 'zstd')).toArray();
    const file = Buffer.concat(frames as Buffer[]);
    const end = (frames[0] as Buffer).length;
    for (let at = end - 5; at <= end + 1; at += 1)
      expect((await unpack([file.subarray(0, at), file.subarray(at)])).equals(plain)).toBe(true);
  });

  it('comes whole in chunks of any size, of any kind of block, with and without checksums', async () => {
    const contents = [Buffer.alloc(400_000), randomBytes(20_000), content(3000), Buffer.alloc(0)];
    const frames = [
      ...contents.map((one) => zstdCompressSync(one)),
      ...contents.map((one) => zstdCompressSync(one, withChecksum)),
      ...(await Promise.all(contents.map((one) => streamed(one)))),
    ];
    const file = Buffer.concat(frames);
    const plain = Buffer.concat([...contents, ...contents, ...contents]);
    for (const chunkBytes of [1, 2, 3, 7, 1000, 65_536, file.length])
      expect((await unpack(cut(file, chunkBytes))).equals(plain)).toBe(true);
  });

  it('is told by its first frame and read without those that are to be skipped', async () => {
    const [one, two] = [content(70_000), content(30_000)];
    const file = Buffer.concat([
      skippable(Buffer.alloc(4, 1)),
      zstdCompressSync(one, withChecksum),
      skippable(Buffer.alloc(0), 15),
      skippable(randomBytes(20_000), 7),
      zstdCompressSync(two),
      skippable(randomBytes(40)),
    ]);
    expect(compressionOf(file)).toBe('zstd');
    expect(compressionOf(file.subarray(zstdCompressSync(one, withChecksum).length + 12))).toBe('zstd');
    for (const chunkBytes of [1, 5, 999, file.length])
      expect((await unpack(cut(file, chunkBytes))).equals(Buffer.concat([one, two]))).toBe(true);
  });

  it('is refused when it breaks off within a frame, is damaged, or goes on with what is none', async () => {
    const first = zstdCompressSync(content(300_000), withChecksum);
    const skipped = skippable(Buffer.alloc(100));
    const file = Buffer.concat([first, zstdCompressSync(content(10), withChecksum), skipped]);
    const ends = [first.length, file.length - skipped.length, file.length];
    const cuts = [3, 5, 1000, ...ends.flatMap((end) => [end - 1, end - 4, end - 5, end + 1, end + 7])];
    for (const at of cuts.filter((length) => length < file.length && !ends.includes(length)))
      for (const chunks of [[file.subarray(0, at)], cut(file.subarray(0, at), 500)])
        await expect(unpack(chunks)).rejects.toThrow('unexpected end of file');

    const damaged = Buffer.from(first);
    damaged[first.length - 2]! ^= 1;
    await expect(unpack([damaged, first])).rejects.toThrow(/checksum/i);
    await expect(unpack([Buffer.concat([damaged, first])])).rejects.toThrow(/checksum/i);
    for (const rubbish of ['no frame', 'x'.repeat(100_000)])
      for (const chunks of [[first, Buffer.from(rubbish)], [Buffer.concat([first, Buffer.from(rubbish)])]])
        await expect(unpack(chunks)).rejects.toThrow(/frame/i);
  });

  it('that unpacks to a thousand times its size is unpacked no faster than it is read', async () => {
    const frame = zstdCompressSync(Buffer.alloc(200_000));
    const file = Buffer.concat(Array.from({ length: 1000 }, () => frame));
    const unpacker = createUnpacker('zstd');
    unpacker.end(file);
    const before = process.memoryUsage().rss;

    await delay(300);

    expect(process.memoryUsage().rss - before).toBeLessThan(20_000_000);
    let bytes = 0;
    for await (const chunk of unpacker) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(200_000 * 1000);
  });
});

const hasZstd = spawnSync('zstd', ['--version']).status === 0;
const hasPzstd = spawnSync('pzstd', ['--version']).status === 0;

describe('a file that other programs have written', () => {
  const plain = content(9_000_001);
  let directory: string;
  let path: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'slipway-zstd-'));
    path = join(directory, 'plain');
    await writeFile(path, plain);
  });
  afterAll(() => rm(directory, { recursive: true }));

  (hasZstd ? it : it.skip)('zstd, joined to another', async () => {
    const file = execFileSync('zstd', ['--stdout', '--quiet', path], { maxBuffer: 1e9 });
    const both = Buffer.concat([file, file]);
    expect((await unpack(cut(both, 65_536))).equals(Buffer.concat([plain, plain]))).toBe(true);
  });

  (hasPzstd ? it : it.skip)('pzstd', async () => {
    execFileSync('pzstd', ['--processes', '4', '--quiet', path, '-o', `${path}.zst`]);
    const file = await readFile(`${path}.zst`);
    expect(compressionOf(file)).toBe('zstd');
    expect((await unpack(cut(file, 65_536))).equals(plain)).toBe(true);
  });
});
