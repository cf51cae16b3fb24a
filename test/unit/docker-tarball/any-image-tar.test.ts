import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { digestOf, readClosure } from '../../../docker/endpoint/closure.ts';
import { MEDIA_TYPES } from '../../../docker/endpoint/manifest.ts';
import { streamImageTar } from '../../../docker/tarball/image-tar.ts';
import { compressionOf } from '../../../docker/transport/compression.ts';
import { importImageTar } from '../../../docker/transport/import-tar.ts';
import { describeStoredImage } from '../../../docker/transport/stored-image.ts';
import type { BlobStore } from '../../../model/blob-store.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import type { StoredImage } from '../../../model/schema/plan.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { ociLayout, savedByClassic, savedLongAgo } from '../../helpers/archives.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';
import type { ImageParts, MadeImage } from '../../helpers/stored-images.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

jest.setTimeout(60_000);

const signal = new AbortController().signal;
const names = ['x:1'];
const view = (from: BlobStore, image: StoredImage): Promise<Buffer> =>
  streamImageTar(from, image, { names, signal })
    .toArray()
    .then((chunks) => Buffer.concat(chunks as Buffer[]));

let blobs: BlobStore;
beforeEach(() => {
  blobs = emptyStore().blobs;
});

/** What becomes of bytes: one of them is another, or all from there on are missing. */
interface Harm {
  readonly at: number;
  readonly by: number | 'cut';
}

const harms = fc.record({
  at: fc.nat(2 ** 30),
  by: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 255 }) }, fc.constant('cut' as const)),
});

function harmed(bytes: Buffer, { at, by }: Harm): Buffer {
  const place = at % bytes.length;
  if (by === 'cut') return bytes.subarray(0, place);
  const changed = Buffer.from(bytes);
  changed[place] = changed[place]! ^ by;
  return changed;
}

/** The image that a tar gives; undefined when it is refused, as nothing else than a bad tar. */
async function take(tar: Buffer): Promise<StoredImage | undefined> {
  try {
    return (await importImageTar(blobs, Readable.from([tar]), { signal })).stored;
  } catch (error) {
    expect(error).toMatchObject({ type: 'ImageTarRefused' });
    return undefined;
  }
}

async function read(digest: Digest): Promise<Buffer> {
  return Buffer.concat((await (await blobs.read(digest)).toArray()) as Buffer[]);
}

/** Everything that is stored of an image is what its name says, down to what its layers unpack to. */
async function expectTrue(stored: StoredImage): Promise<void> {
  expect(await describeStoredImage(blobs, stored.manifestDigest as Digest)).toEqual(stored);
  const { image } = await readClosure(blobs, stored.manifestDigest as Digest);
  for (const { digest } of [{ digest: stored.manifestDigest as Digest }, image.config, ...image.layers])
    expect(digestOf(await read(digest))).toBe(digest);
  const unpacked = await Promise.all(
    image.layers.map(async ({ digest }) => {
      const bytes = await read(digest);
      const compression = compressionOf(bytes);
      return compression === 'zstd' ? zstdDecompressSync(bytes) : gunzipSync(bytes);
    }),
  );
  expect(unpacked.map(digestOf)).toEqual(stored.diffIds);
}

describe('an image tar of which any byte is another, or the rest is missing,', () => {
  let image: MadeImage;
  beforeAll(async () => {
    image = await anImage({ contents: [Buffer.alloc(700, 'one'), Buffer.from('two')] });
  });

  /** What a form calls by its digest: what it does not may be another one, under that one's name. */
  type Named = 'all' | 'layers' | 'nothing';
  const forms: readonly (readonly [string, Named, () => Promise<Buffer>])[] = [
    ['an OCI layout', 'all', () => ociLayout([image])],
    ['our own view', 'all', () => ownView()],
    ['our own view, zstd', 'all', async () => zstdCompressSync(await ownView())],
    ['what a classic engine saves', 'layers', () => savedByClassic(image)],
    ['what a classic engine saves, gzip', 'layers', async () => gzipSync(await savedByClassic(image))],
    ['what engines saved long ago', 'nothing', () => savedLongAgo(image)],
  ];
  const ownView = async (): Promise<Buffer> => {
    const store = emptyStore();
    await putImage(store.blobs, image);
    return view(store.blobs, image.stored);
  };

  it.each(forms)('is refused or gives the same image: %s', async (_, named, make) => {
    const tar = await make();
    const whole = await take(tar);
    expect(whole?.diffIds).toEqual(image.stored.diffIds);

    await fc.assert(
      fc.asyncProperty(harms, async (harm) => {
        const got = await take(harmed(tar, harm));
        if (!got) return;
        await expectTrue(got);
        if (named === 'layers') expect(got.diffIds).toEqual(image.stored.diffIds);
        if (named === 'all' || got.configDigest === whole?.configDigest) expect(got).toEqual(whole);
      }),
      { numRuns: 150 },
    );
  });
});

it('A stored image of which any byte is another, or the rest of a part is missing, is told, or exported as it was', async () => {
  await using directory = await temporaryDirectory('slipway-any-byte-');
  const stored = await DirectoryBlobs.create(directory.path);
  const contents = [Buffer.alloc(700, 'one'), Buffer.from('two')];
  const image = await putImage(stored, await anImage({ contents }));
  const before = await view(stored, image.stored);
  const parts = [image.manifest, image.config, ...image.layers];

  await fc.assert(
    fc.asyncProperty(fc.nat(parts.length - 1), harms, async (which, harm) => {
      const part = parts[which]!;
      await stored.damage(digestOf(part), harmed(part, harm));
      const after = await view(stored, image.stored).catch(() => undefined);
      await stored.damage(digestOf(part), part);
      expect(after ?? before).toEqual(before);
    }),
    { numRuns: 150 },
  );
});

describe('any image', () => {
  const compressions: readonly Pick<ImageParts, 'compress' | 'mediaType'>[] = [
    { compress: (tar) => gzipSync(tar), mediaType: MEDIA_TYPES.ociLayerGzip },
    { compress: (tar) => zstdCompressSync(tar), mediaType: `${MEDIA_TYPES.ociLayer}+zstd` },
    { compress: (tar) => tar, mediaType: MEDIA_TYPES.ociLayer },
  ];
  const images = fc.record({
    contents: fc.array(
      fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
      { minLength: 1, maxLength: 4 },
    ),
    compression: fc.nat(compressions.length - 1),
    repeatLayers: fc.boolean(),
    format: fc.constantFrom('plain', 'gzip', 'zstd'),
  });
  const packed = { plain: (tar: Buffer) => tar, gzip: gzipSync, zstd: zstdCompressSync } as const;

  it('is the same after an export and an import, and exported again the same bytes', async () => {
    await fc.assert(
      fc.asyncProperty(images, async ({ contents, compression, repeatLayers, format }) => {
        const { blobs: theirs } = emptyStore();
        blobs = emptyStore().blobs;
        const parts = { contents, repeatLayers, ...compressions[compression] };
        const image = await putImage(theirs, await anImage(parts));
        const tar = await view(theirs, image.stored);

        const got = await take(packed[format as keyof typeof packed](tar));

        expect(got).toMatchObject({
          configDigest: image.stored.configDigest,
          diffIds: image.stored.diffIds,
        });
        await expectTrue(got!);
        const hashes = [tar, await view(blobs, got!)].map((bytes) =>
          createHash('sha256').update(bytes).digest('hex'),
        );
        expect(hashes[1]).toBe(hashes[0]);
      }),
      { numRuns: 60 },
    );
  });
});
