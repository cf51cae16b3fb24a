import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { pack } from 'tar-stream';
import { findLeftOut, unpacked } from '../../../docker/tarball/left-out.ts';

const digest = (bytes: string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const LAYERS = ['lower', 'upper'];
const CONFIG = JSON.stringify({ rootfs: { type: 'layers', diff_ids: LAYERS.map(digest) } });

/** A tar of an image of two layers that holds only some of them. */
async function imageTar(held: readonly string[]): Promise<Buffer> {
  const tar = pack();
  for (const layer of held) tar.entry({ name: `blobs/${layer}` }, layer);
  tar.entry({ name: 'config' }, CONFIG);
  const image = { Config: 'config', RepoTags: ['a:b'], Layers: LAYERS.map((layer) => `blobs/${layer}`) };
  tar.entry({ name: 'manifest.json' }, JSON.stringify([image]));
  tar.finalize();
  return buffer(tar);
}

const { signal } = new AbortController();
const leftOut = (bytes: Buffer): ReturnType<typeof findLeftOut> =>
  findLeftOut(Readable.from([bytes], { objectMode: false }), signal);

describe('an image tar that leaves out layers', () => {
  it('is told by what it names and does not hold, however it is compressed', async () => {
    const tar = await imageTar(['upper']);
    const expected = {
      names: ['a:b'],
      config: Buffer.from(CONFIG),
      configDigest: digest(CONFIG),
      leftOut: [digest('lower')],
    };

    expect(await leftOut(tar)).toEqual(expected);
    expect(await leftOut(gzipSync(tar))).toEqual(expected);
    expect(await leftOut(zstdCompressSync(tar))).toEqual(expected);
  });

  it('is not one that holds all of them, that is cut off, or that is no image at all', async () => {
    const whole = await imageTar(LAYERS);

    const answers = [whole, whole.subarray(0, 700), gzipSync(whole).subarray(0, 60), Buffer.from('hello\n')];
    expect(await Promise.all(answers.map(leftOut))).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('is read plain, whatever it was compressed with', async () => {
    const tar = await imageTar([]);
    for (const bytes of [tar, gzipSync(tar), zstdCompressSync(tar)])
      expect(await buffer(await unpacked(Readable.from([bytes], { objectMode: false })))).toEqual(tar);
  });
});
