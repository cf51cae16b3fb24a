import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { digestOf } from '../../../docker/endpoint/closure.ts';
import { MEDIA_TYPES } from '../../../docker/endpoint/manifest.ts';
import { importImageTar } from '../../../docker/transport/import-tar.ts';
import type { ImportOptions } from '../../../docker/transport/import-tar.ts';
import { StoreUnavailable } from '../../../model/errors.ts';
import type { Part } from '../../helpers/archives.ts';
import { archive, ociLayout, savedByClassic, savedLongAgo } from '../../helpers/archives.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { anImage, manifestOf, put, putImage, tarOf } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';

jest.setTimeout(60_000);

let directory: string;
let blobs: DirectoryBlobs;
let image: MadeImage;
const signal = new AbortController().signal;

beforeAll(async () => {
  // One layer larger than what is kept in memory, one smaller.
  image = await anImage({ contents: [Buffer.alloc(4_300_000, 'large'), Buffer.from('small')] });
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-hostile-'));
  blobs = await DirectoryBlobs.create(directory);
});

afterEach(() => rm(directory, { recursive: true }));

/** Refused, with the reason, and nothing in the store that calls itself an image, is not what its name says, or is half there. */
async function expectRefused(
  tar: Buffer,
  why: RegExp,
  options: Pick<ImportOptions, 'limits'> = {},
): Promise<void> {
  const chunks = Array.from({ length: Math.ceil(tar.length / 65_536) }, (_, at) =>
    tar.subarray(at * 65_536, (at + 1) * 65_536),
  );
  const taken = importImageTar(blobs, Readable.from(chunks), { signal, ...options });
  await expect(taken).rejects.toMatchObject({
    type: 'ImageTarRefused',
    retryable: false,
    message: expect.stringMatching(why) as unknown as string,
  });
  const digests = await blobs.list();
  expect(await readdir(directory)).toHaveLength(digests.length);
  for (const digest of digests) {
    const bytes = Buffer.concat((await (await blobs.read(digest)).toArray()) as Buffer[]);
    expect(digestOf(bytes)).toBe(digest);
    expect(bytes.subarray(0, 200).toString()).not.toContain('schemaVersion');
  }
}

/** The first header with other bytes in it and a checksum that fits. */
function withHeader(tar: Buffer, change: (header: Buffer) => void): Buffer {
  const changed = Buffer.from(tar);
  const header = changed.subarray(0, 512);
  change(header);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return changed;
}

/** A tar that is compressed and, from one byte on, is something else. */
async function damagedFrom(at: number, compress: (tar: Buffer) => Buffer): Promise<Buffer> {
  return compress(await tarOf({ noise: randomBytes(10_000) })).fill(0x55, at);
}

const manifestWith = (changes: object): object[] => [
  { Config: 'config.json', RepoTags: ['x:1'], Layers: ['a/layer.tar', 'b/layer.tar'], ...changes },
];

const AWK: Part = [{ name: 'etc/awk', type: 'symlink', linkname: '/usr/bin/mawk' }];
const DOCKER_EXPORT =
  /it holds a file system and no image, as "docker export" writes it; "docker save" writes images/;

describe('a hostile or broken image tar is refused:', () => {
  it.each<[string, Part, RegExp]>([
    ['a path that climbs out', ['../../etc/passwd', 'x'], /leads out of the tar/],
    ['a path that climbs out in its middle', ['a/../../x', 'x'], /leads out of the tar/],
    ['an absolute path', ['/etc/passwd', 'x'], /leads out of the tar/],
    ['a link that leads out', [{ name: 'l', type: 'symlink', linkname: '../../etc/passwd' }], /leads out/],
    ['an absolute link', [{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }], /leads out/],
    ['a hard link that leads out', [{ name: 'l', type: 'link', linkname: '../x' }], /leads out/],
    [
      'a device',
      [{ name: 'd', type: 'character-device', devmajor: 1, devminor: 3 }],
      /character-device at d/,
    ],
    ['a pipe', [{ name: 'p', type: 'fifo' }], /fifo at p/],
    ['a path twice', ['config.json', '{}'], /config\.json twice/],
    ['a layer twice', ['a/layer.tar', 'x'], /layer\.tar twice/],
    ['a link where a file is', [{ name: 'config.json', type: 'symlink', linkname: 'a/json' }], /twice/],
    [
      'a sparse file',
      [{ name: 's', pax: { 'GNU.sparse.realsize': '1099511627776' } }, 'x'],
      /sparse file at s/,
    ],
    ['a path without an end', [{ name: 'x'.repeat(5000) }, 'x'], /too long/],
  ])('%s', async (_what, part, why) => {
    await expectRefused(await savedByClassic(image, { extra: [part] }), why);
  });

  it.each<[string, unknown, RegExp]>([
    [
      'two images',
      [1, 2].map((n) => ({ Config: 'config.json', RepoTags: [`x:${n}`], Layers: [`${n}`] })),
      /2 images.*x:1; x:2/,
    ],
    ['no image', [], /holds no image/],
    ['a layer that is absent', manifestWith({ Layers: ['a/layer.tar', 'c/layer.tar'] }), /no layer at c/],
    ['a layer outside', manifestWith({ Layers: ['../../x'] }), /leads out of the tar/],
    ['layers out of order', manifestWith({ Layers: ['b/layer.tar', 'a/layer.tar'] }), /names other layers/],
    ['one layer too few', manifestWith({ Layers: ['a/layer.tar'] }), /names other layers/],
    [
      'a layer in place of another',
      manifestWith({ Layers: ['a/layer.tar', 'a/layer.tar'] }),
      /names other layers/,
    ],
    ['a config that is absent', manifestWith({ Config: 'x.json' }), /no document at x\.json/],
    ['a config outside', manifestWith({ Config: '/etc/passwd' }), /leads out of the tar/],
    ['a config that is a layer', manifestWith({ Config: 'a/layer.tar' }), /larger than/],
    ['a config that is none', manifestWith({ Config: 'a/json' }), /not an image config/],
    ['a config that is no JSON', manifestWith({ Config: 'a/VERSION-' }), /not an image config/],
    [
      'a document as a layer',
      manifestWith({ Layers: ['a/layer.tar', 'config.json'] }),
      /layer config\.json is no tar/,
    ],
    [
      'more layers than any image has',
      manifestWith({ Layers: Array(1001).fill('a/layer.tar') }),
      /manifest\.json/,
    ],
    ['another shape', { Config: 'config.json' }, /manifest\.json/],
    [
      'more bytes than a manifest has',
      manifestWith({ Comment: 'x'.repeat(4_300_000) }),
      /the document at manifest\.json is a layer, or larger than 4194304 bytes/,
    ],
    [
      'a layer that is absent and one that is none',
      manifestWith({ Layers: ['config.json', 'c'] }),
      /is no tar/,
    ],
  ])('a manifest.json with %s', async (_what, manifest, why) => {
    const extra: readonly Part[] = [['a/VERSION-', 'no JSON']];
    await expectRefused(await savedByClassic(image, { manifest, extra }), why);
  });

  it.each<[string, () => Promise<Buffer>, RegExp]>([
    [
      'a manifest of another size than its index says',
      () => ociLayout([image], { index: (descriptor) => ({ ...descriptor, size: 7 }) }),
      /other bytes than its name or size says/,
    ],
    [
      'a manifest that the index calls by another digest',
      () =>
        ociLayout([image], { index: (descriptor) => ({ ...descriptor, digest: image.stored.configDigest }) }),
      /other bytes than its name or size says/,
    ],
    [
      'a digest that is a path',
      () =>
        ociLayout([image], { index: (descriptor) => ({ ...descriptor, digest: 'sha256:../../etc/passwd' }) }),
      /index\.json/,
    ],
    [
      'layers swapped under their names',
      () => ociLayout([image], { layers: [...image.layers].reverse() }),
      /other bytes than its name or size says/,
    ],
    [
      'a large layer under the name of another blob',
      async () => {
        const noisy = await anImage({ contents: [randomBytes(4_500_000)] });
        return ociLayout([noisy], { layers: [gzipSync(await tarOf({ x: randomBytes(4_500_000) }))] });
      },
      /other bytes than its name or size says/,
    ],
    [
      'a layer of another size than its manifest says',
      () => {
        const text = manifestOf(image.config, image.layers).toString();
        const size = String(image.layers[1]!.length);
        const manifest = Buffer.from(text.replace(`"size":${size}`, `"size":${Number(size) + 1}`));
        return ociLayout([image], { manifest });
      },
      /other bytes than its name or size says/,
    ],
    [
      'a manifest that names layers of another image',
      async () => {
        const other = await anImage({ contents: [randomBytes(10), randomBytes(10)] });
        return ociLayout([
          { ...image, layers: other.layers, manifest: manifestOf(image.config, other.layers) },
        ]);
      },
      /names other layers/,
    ],
    [
      'an index that names itself',
      () =>
        ociLayout([image], {
          index: () => ({ mediaType: MEDIA_TYPES.ociIndex, digest: digestOf(Buffer.from('{}')), size: 2 }),
          extra: [[`blobs/sha256/${digestOf(Buffer.from('{}')).slice(7)}`, '{}']],
        }),
      /not a manifest/,
    ],
    [
      'an OCI layout of two images without names',
      async () => {
        const other = await anImage();
        return ociLayout([image, other], { index: (descriptor) => ({ ...descriptor, annotations: {} }) });
      },
      /2 images.*sha256:/,
    ],
    [
      'layers that are their own parents',
      () => savedLongAgo(image, { parentOfFirst: 'l1' }),
      /without an end/,
    ],
    ['a parent outside', () => savedLongAgo(image, { parentOfFirst: '../../etc' }), /leads out of the tar/],
    ['a parent that is absent', () => savedLongAgo(image, { parentOfFirst: 'l9' }), /no document at l9/],
  ])('%s', async (_what, make, why) => {
    await expectRefused(await make(), why);
  });

  it.each<[string, () => Buffer | Promise<Buffer>, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /empty/],
    ['noise', () => Buffer.alloc(10_000, 'noise'), /Invalid tar header/],
    ['a tar of other things', () => tarOf({ x: '1' }), /neither manifest\.json nor index\.json/],
    ['a tar without entries', () => Buffer.alloc(10_240), /neither manifest\.json nor index\.json/],
    ['bzip2', () => Buffer.from('BZh91AY&SY'), /bzip2/],
    ['xz', () => Buffer.from('\xfd7zXZ\0', 'latin1'), /xz/],
    ['gzip of noise', () => gzipSync(randomBytes(10_000)), /Invalid tar header/],
    ['gzip that is damaged', () => damagedFrom(3000, gzipSync), /it is damaged or breaks off: /],
    ['zstd that is damaged', () => damagedFrom(3000, zstdCompressSync), /it is damaged or breaks off: /],
    [
      'a header with a wrong checksum',
      async () => {
        const tar = await savedByClassic(image);
        tar[0]! ^= 1;
        return tar;
      },
      /Invalid tar header/,
    ],
    [
      'an entry of a kind that nobody knows',
      async () => withHeader(await savedByClassic(image), (h) => (h[156] = 0x53)),
      /it has a file of an unknown kind at a/,
    ],
    [
      'an entry of a negative size',
      async () => withHeader(await tarOf({ x: '1' }), (h) => h.fill(0xff, 124, 136)),
      /Invalid tar header/,
    ],
    [
      'more documents than are kept, with layers among them',
      async () => {
        const layer = await tarOf({ x: Buffer.alloc(4_000_000) });
        const parts = (name: string, content: Buffer): Part[] =>
          Array.from({ length: 17 }, (_, n) => [`${name}-${n}`, content]);
        return archive([...parts('layer', layer), ...parts('document', Buffer.alloc(4_000_000, '{'))]);
      },
      /small files are too large in all/,
    ],
    [
      'a large file that begins as none, as a layer',
      () =>
        archive([
          ['one', Buffer.alloc(5_000_000, '{')],
          ['config', image.config],
          ['manifest.json', JSON.stringify([{ Config: 'config', Layers: ['one'] }])],
        ]),
      /layer one is no tar/,
    ],
    ['a file system', () => archive([['.dockerenv'], ['etc/x', 'x'], AWK]), DOCKER_EXPORT],
    [
      'a file system of directories',
      () => archive([[{ name: 'etc/', type: 'directory' }], AWK]),
      DOCKER_EXPORT,
    ],
    ['a file system of which no entry is', () => archive([['.dockerenv'], ['etc/x', 'x']]), DOCKER_EXPORT],
    [
      'an image with a file system beside it',
      () => ociLayout([image], { extra: [['etc/x', 'x'], AWK] }),
      /a path leads out of the tar: "\/usr\/bin\/mawk"/,
    ],
    [
      'an entry larger than the tar',
      async () => withHeader(await tarOf({ x: '1' }), (h) => h.write('00000100000\0', 124)),
      /Unexpected end of data/,
    ],
    [
      'an entry of 8 EiB',
      async () =>
        withHeader(await tarOf({ x: '1' }), (h) =>
          h.set([0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255], 124),
        ),
      /Unexpected end of data/,
    ],
    [
      'a header of headers without an end',
      async () =>
        withHeader(await tarOf({ x: '1' }), (h) => {
          h[156] = 0x78;
          h.write('77777777777\0', 124);
        }),
      /Header exceeds max size/,
    ],
  ])('%s', async (_what, make, why) => {
    await expectRefused(await make(), why);
  });

  it.each<[string, object, RegExp]>([
    ['settings that are a number', { config: 5 }, /at config/],
    [
      'an environment that is none',
      { config: { Env: {} } },
      /expected array, received object\s+→ at config\.Env/,
    ],
    ['a variable that is no text', { config: { Env: ['A=1', 5] } }, /at config\.Env\[1\]/],
    ['a command that is a text', { config: { Cmd: '/bin/sh' } }, /at config\.Cmd/],
    ['an entrypoint that is an object', { config: { Entrypoint: {} } }, /at config\.Entrypoint/],
    ['labels that are a list', { config: { Labels: ['a=b'] } }, /at config\.Labels/],
    ['a label that is a number', { config: { Labels: { a: 1 } } }, /at config\.Labels\.a/],
    ['a directory that is a list', { config: { WorkingDir: ['/'] } }, /at config\.WorkingDir/],
    ['a user that is a number', { config: { User: 1000 } }, /at config\.User/],
    ['ports that are a list', { config: { ExposedPorts: [80] } }, /at config\.ExposedPorts/],
    ['a member in another case, which engines read too', { config: { env: 'A=1' } }, /at config\.env/],
    ['a system that is a number', { os: 1 }, /at os/],
    ['a processor that is an object', { architecture: {} }, /at architecture/],
    ['a time that is none', { created: 'yesterday' }, /at created/],
    ['steps that are none', { history: [5] }, /at history\[0\]/],
    ['settings of its build that are none', { container_config: { Env: 1 } }, /at container_config\.Env/],
  ])('a config with %s', async (_what, members, why) => {
    const config = JSON.stringify({ ...(JSON.parse(image.config.toString()) as object), ...members });
    await expectRefused(await savedByClassic(image, { config }), /not an image config: /);
    await expectRefused(await savedByClassic(image, { config }), why);
  });

  it('an old one whose uppermost layer has such settings', async () => {
    const parts = (at: number, members: object): Part[] => [
      [`l${at}/json`, JSON.stringify({ id: `l${at}`, ...members })],
      [`l${at}/layer.tar`, gunzipSync(image.layers[at]!)],
    ];
    const tar = await archive([
      ...parts(0, {}),
      ...parts(1, { parent: 'l0', config: { Env: {} } }),
      ['repositories', JSON.stringify({ x: { '1': 'l1' } })],
    ]);
    await expectRefused(tar, /not an image config: [^]*at config\.Env/);
  });

  it('a gzip layer behind whose end something comes, which others than Node refuse', async () => {
    for (const sizeBytes of [1000, 5_000_000]) {
      const layer = gzipSync(await tarOf({ noise: randomBytes(sizeBytes) }));
      const rests = [Buffer.alloc(1), Buffer.alloc(300_000), Buffer.from('\0hidden')];
      for (const rest of rests) {
        const long = Buffer.concat([layer, rest]);
        const named = `blobs/sha256/${digestOf(long).slice(7)}`;
        const tar = await archive([
          [named, long],
          ['config', image.config],
          ['manifest.json', JSON.stringify([{ Config: 'config', Layers: [named] }])],
        ]);
        await expectRefused(tar, /layer \S+ goes on behind its end, which engines refuse/);
        expect(await blobs.list()).toEqual([]);
        // Nor where somebody else has put it there.
        await put(blobs, long);
        await expectRefused(tar, /goes on behind its end/);
        await blobs.remove(digestOf(long));
      }
    }
  });

  it('one that breaks off, wherever', async () => {
    const tar = await savedByClassic(image);
    for (const length of [300, 1_000_000, tar.length - 2000])
      await expectRefused(tar.subarray(0, length), /Unexpected end of data/);
    // Between two entries: what has come is a tar.
    await expectRefused(tar.subarray(0, 512), /it has neither manifest\.json nor index\.json/);
    const compressed = [gzipSync(tar), zstdCompressSync(tar)];
    for (const bytes of compressed)
      await expectRefused(
        bytes.subarray(0, bytes.length - 20),
        /it is damaged or breaks off: unexpected end of file/,
      );
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('a %s layer that is cut, damaged or none', async (_name, compress) => {
    const content = compress(await tarOf({ noise: randomBytes(5_000_000) }));
    const damaged = Buffer.from(content);
    damaged.fill(0x55, 2_000_000, 2_100_000);
    // No block of either begins so.
    const none = Buffer.concat([content.subarray(0, 4), Buffer.alloc(5_000_000, 0x55)]);
    const noTar = compress(randomBytes(5_000_000));
    const told: readonly (readonly [Buffer, RegExp])[] = [
      [content.subarray(0, 4_500_000), /layer one is damaged or breaks off: unexpected end of file/],
      [damaged, /layer one is damaged or breaks off: /],
      [none, /layer one is damaged or breaks off: /],
      [noTar, /layer one is no tar/],
    ];
    for (const [layer, why] of told)
      await expectRefused(
        await archive([
          ['one', layer],
          ['config', image.config],
          ['manifest.json', JSON.stringify([{ Config: 'config', Layers: ['one'] }])],
        ]),
        why,
      );
    expect(await blobs.list()).toEqual([]);
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('a bomb, as a %s layer and as a whole, long before its end', async (_name, compress) => {
    const tar = await tarOf({ zeros: Buffer.alloc(64 * 1024 * 1024) });
    const inside = await archive([
      ['one', compress(tar)],
      ['config', image.config],
      ['manifest.json', JSON.stringify([{ Config: 'config', Layers: ['one'] }])],
    ]);
    const limits = { maxBytes: 1024 ** 4, maxRatio: 200, ratioFromBytes: 8 * 1024 * 1024 };
    for (const bomb of [inside, compress(tar)]) {
      await expectRefused(bomb, /it unpacks to more than 200 times its size/, { limits });
      const most = { limits: { ...limits, maxBytes: 1000 } };
      await expectRefused(bomb, /it unpacks to more than 1000 bytes/, most);
    }
    expect(await blobs.list()).toEqual([]);
  });

  it('and harms no image that shares a layer with it', async () => {
    await putImage(blobs, image);
    const before = await blobs.list();
    const other = { ...image.stored, diffIds: [...image.stored.diffIds].reverse() };
    const config = JSON.stringify({ rootfs: { type: 'layers', diff_ids: other.diffIds } });
    const swapped = { layers: [Buffer.from('x'), Buffer.from('y')] };
    await refused(await ociLayout([image], swapped), /layer blobs\/sha256\/[0-9a-f]{64} is no tar/);
    await refused(await savedByClassic(image, { config }), /its config names other layers than it holds/);
    for (const digest of before) {
      const bytes = Buffer.concat((await (await blobs.read(digest)).toArray()) as Buffer[]);
      expect(digestOf(bytes)).toBe(digest);
    }
    const again = await importImageTar(blobs, Readable.from([await savedByClassic(image)]), { signal });
    expect(again.stored.diffIds).toEqual(image.stored.diffIds);
  });

  async function refused(tar: Buffer, why: RegExp): Promise<void> {
    const taken = importImageTar(blobs, Readable.from([tar]), { signal });
    await expect(taken).rejects.toMatchObject({
      type: 'ImageTarRefused',
      message: expect.stringMatching(why) as unknown as string,
    });
  }

  it('but not the trouble of whoever sends it: that may pass', async () => {
    const tar = await savedByClassic(image);
    const cut = Readable.from(
      (async function* () {
        yield tar.subarray(0, 1_000_000);
        await Promise.reject(new Error('connection lost'));
      })(),
    );
    const lost = importImageTar(blobs, cut, { signal });
    await expect(lost).rejects.toThrow('connection lost');
    await expect(lost).rejects.not.toHaveProperty('type');
    const abort = new AbortController();
    const stopped = importImageTar(blobs, Readable.from([tar]), { signal: abort.signal });
    abort.abort(new Error('cancelled'));
    await expect(stopped).rejects.toThrow('cancelled');
  });

  it.each([
    ['plain', (tar: Buffer) => tar],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('nor the trouble of the store with a %s layer', async (_name, compress) => {
    const layer = compress(await tarOf({ noise: randomBytes(5_000_000) }));
    const tar = await archive([['one', layer]]);
    const away = new StoreUnavailable('UploadPart', 'bucket', 'uploads/x', 'ECONNREFUSED');
    blobs.writeUnknown = async (body) => {
      for await (const _ of body) break;
      // What was given up is closed by now.
      await new Promise((resolve) => setTimeout(resolve, 50));
      throw away;
    };
    await expect(importImageTar(blobs, Readable.from([tar]), { signal })).rejects.toBe(away);
  });

  it('and a large tar takes no more memory than a small one', async () => {
    const layer = await tarOf({ x: Buffer.alloc(1024 * 1024, randomBytes(3000)) });
    const bytes = 160 * 1024 * 1024;
    let peak = 0;
    const tar = await archive([[{ name: 'big', size: 0 }]]);
    const body = async function* (): AsyncGenerator<Buffer> {
      yield withHeader(tar, (h) => h.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124)).subarray(0, 512);
      for (let sent = 0; sent < bytes;) {
        const chunk = layer.subarray(0, Math.min(layer.length, bytes - sent));
        sent += chunk.length;
        peak = Math.max(peak, process.memoryUsage().rss);
        yield chunk;
      }
    };
    const before = process.memoryUsage().rss;
    const taken = importImageTar(blobs, Readable.from(body(), { objectMode: false }), { signal });
    await expect(taken).rejects.toMatchObject({
      type: 'ImageTarRefused',
      message: expect.stringContaining('it has neither manifest.json nor index.json') as unknown as string,
    });
    expect(peak - before).toBeLessThan(120 * 1024 * 1024);
    expect(await blobs.list()).toHaveLength(1);
  });
});
