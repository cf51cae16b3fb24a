import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { digestOf } from '../../../docker/endpoint/closure.ts';
import { MEDIA_TYPES } from '../../../docker/endpoint/manifest.ts';
import { importImageTar } from '../../../docker/transport/import-tar.ts';
import { ociLayout, savedByClassic } from '../../helpers/archives.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { anImage } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';

const signal = new AbortController().signal;
const PLATFORMS = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64', variant: 'v8' },
  { os: 'linux', architecture: 'arm', variant: 'v6' },
  { os: 'linux', architecture: 'arm', variant: 'v7' },
];

let directory: string;
let blobs: DirectoryBlobs;
let images: readonly MadeImage[];
/** One image of each platform, as buildx and skopeo write them. */
let tar: Buffer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway-platforms-'));
  blobs = await DirectoryBlobs.create(directory);
  images = await Promise.all(PLATFORMS.map(() => anImage()));
  let at = 0;
  tar = await ociLayout(images, {
    index: (descriptor) => ({ ...descriptor, platform: PLATFORMS[at++] }),
  });
});
afterEach(() => rm(directory, { recursive: true }));

const take = async (
  bytes: Buffer,
  options: { readonly platform?: string; readonly isPlatformAsked?: boolean; readonly name?: string },
): Promise<readonly string[]> =>
  (await importImageTar(blobs, Readable.from([bytes]), { signal, ...options })).stored.diffIds;

describe('an image tar for several platforms', () => {
  it.each([
    ['linux/amd64', 0],
    ['linux/arm64', 1],
    ['linux/arm/v6', 2],
    ['linux/arm/v7', 3],
  ])('gives the image for %s', async (platform, at) => {
    expect(await take(tar, { platform })).toEqual(images[at]?.stored.diffIds);
  });

  it('says which ones it has when that one is missing', async () => {
    await expect(take(tar, { platform: 'linux/s390x' })).rejects.toThrow(
      'it holds no image for linux/s390x, but for linux/amd64, linux/arm64/v8, linux/arm/v6, linux/arm/v7',
    );
  });
});

describe('an image tar for variants of a platform', () => {
  /** Of images that have no name, as children of `index.json` and as those of an index that it names. */
  const tarsFor = async (platforms: readonly object[]): Promise<readonly Buffer[]> => {
    const children: object[] = [];
    const inIndexJson = await ociLayout(images.slice(0, platforms.length), {
      index: (descriptor) => {
        const child = { ...descriptor, annotations: {}, platform: platforms[children.length] };
        children.push(child);
        return child;
      },
    });
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: children }));
    const descriptor = { mediaType: MEDIA_TYPES.ociIndex, digest: digestOf(index), size: index.length };
    const inIndex = await ociLayout(images.slice(0, platforms.length), {
      index: () => descriptor,
      extra: [[`blobs/sha256/${descriptor.digest.slice(7)}`, index]],
    });
    return [inIndexJson, inIndex];
  };
  const of = (architecture: string, ...variants: readonly (string | undefined)[]): readonly object[] =>
    variants.map((variant) => ({ os: 'linux', architecture, variant }));

  it.each([
    ['the one that names none', 'linux/amd64', of('amd64', 'v3', undefined, 'v2'), 1],
    ['the usual one', 'linux/amd64', of('amd64', 'v2', 'v1'), 1],
    ['the usual one', 'linux/arm64', of('arm64', 'v9', 'v8'), 1],
    ['the usual one', 'linux/arm', of('arm', 'v6', 'v7'), 1],
    ['the one that is asked for', 'linux/amd64/v3', of('amd64', undefined, 'v3'), 1],
    [
      'the one that names none where that which is asked for is missing',
      'linux/amd64/v2',
      of('amd64', 'v3', undefined),
      1,
    ],
  ])('gives %s for %s', async (_which, platform, platforms, at) => {
    for (const bytes of await tarsFor(platforms))
      expect(await take(bytes, { platform })).toEqual(images[at]?.stored.diffIds);
  });

  it('is refused when none of them is nearer', async () => {
    const [inIndexJson, inIndex] = await tarsFor(of('amd64', 'v2', 'v3'));
    await expect(take(inIndexJson!, {})).rejects.toThrow('it holds 2 images, and none of them is named');
    await expect(take(inIndex!, {})).rejects.toThrow('has several images for linux/amd64');
  });

  it('hides no image of another name', async () => {
    const platforms = of('amd64', undefined, 'v3');
    let at = 0;
    const bytes = await ociLayout(images.slice(0, 2), {
      index: (descriptor) => ({ ...descriptor, platform: platforms[at++] }),
    });
    expect(await take(bytes, { name: 'image:1' })).toEqual(images[1]?.stored.diffIds);
  });
});

describe('whether another platform may have another image', () => {
  const isByPlatform = async (bytes: Buffer, platform = 'linux/amd64'): Promise<boolean> =>
    (await importImageTar(blobs, Readable.from([bytes]), { signal, platform })).isByPlatform;

  it('is told of a tar for several, and not of one for one', async () => {
    const one = await anImage();
    const pathOf = (bytes: Buffer): string => `blobs/sha256/${digestOf(bytes).slice(7)}`;
    const manifest = [{ Config: pathOf(one.config), RepoTags: null, Layers: one.layers.map(pathOf) }];
    const ofEngine = await ociLayout([one], { extra: [['manifest.json', JSON.stringify(manifest)]] });

    expect(await isByPlatform(tar)).toBe(true);
    for (const bytes of [await ociLayout([one]), await savedByClassic(one), ofEngine])
      for (const platform of ['linux/amd64', 'linux/arm64'])
        expect(await isByPlatform(bytes, platform)).toBe(false);
  });
});

describe('an image tar of one image', () => {
  it('is taken for whatever platform it is, unless one is asked for', async () => {
    const other = await savedByClassic(await anImage());

    expect(await take(other, { platform: 'linux/arm64' })).toHaveLength(2);
    await expect(take(other, { platform: 'linux/arm64', isPlatformAsked: true })).rejects.toThrow(
      'it holds no image for linux/arm64, but for linux/amd64',
    );
    expect(await take(other, { platform: 'linux/amd64', isPlatformAsked: true })).toHaveLength(2);
  });
});

describe('an image tar with manifest.json for one platform and an OCI layout for two, as a containerd store saves it', () => {
  const ARM = 'linux/arm64';
  let amd: MadeImage;
  let arm: MadeImage;
  beforeEach(async () => {
    [amd, arm] = await Promise.all([anImage({}), anImage({ architecture: 'arm64' })]);
  });

  const pathOf = (bytes: Buffer): string => `blobs/sha256/${digestOf(bytes).slice(7)}`;
  /** Both are named by one index; of `held` it has the parts. */
  const saved = (
    held: readonly MadeImage[],
    tags: readonly string[] | null = ['lint:1'],
  ): Promise<Buffer> => {
    const children = [amd, arm].map(({ manifest, stored }, at) => ({
      mediaType: MEDIA_TYPES.ociManifest,
      digest: stored.manifestDigest,
      size: manifest.length,
      platform: PLATFORMS[at],
    }));
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: children }));
    const named = {
      mediaType: MEDIA_TYPES.ociIndex,
      digest: digestOf(index),
      size: index.length,
      annotations: {
        'io.containerd.image.name': 'docker.io/library/lint:1',
        'org.opencontainers.image.ref.name': '1',
      },
    };
    const manifest = [{ Config: pathOf(amd.config), RepoTags: tags, Layers: amd.layers.map(pathOf) }];
    return ociLayout(held, {
      // One entry, however many images are in it.
      index: (descriptor) =>
        (descriptor as { digest: string }).digest === amd.stored.manifestDigest ? named : [],
      extra: [
        [pathOf(index), index],
        ['manifest.json', JSON.stringify(manifest)],
      ],
    });
  };

  it.each([
    ['by its name', ['lint:1'], 'lint:1'],
    ['by its only image', ['lint:1'], undefined],
    ['without a name', null, undefined],
  ])('gives the one that is wanted, %s', async (_how, tags, name) => {
    const both = await saved([amd, arm], tags);

    const asked = { ...(name === undefined ? {} : { name }), isPlatformAsked: true };
    for (const [platform, { stored }] of [
      [ARM, arm],
      ['linux/amd64', amd],
    ] as const) {
      const options = { signal, ...asked, platform };
      const taken = await importImageTar(blobs, Readable.from([both]), options);
      expect([taken.stored.diffIds, taken.isByPlatform]).toEqual([stored.diffIds, true]);
    }
  });

  it('gives that of manifest.json where none is wanted, as of what an engine saves to be published', async () => {
    expect(await take(await saved([amd, arm]), {})).toEqual(amd.stored.diffIds);
  });

  it('gives that of manifest.json where the other is named but not there, unless it is asked for', async () => {
    const one = await saved([amd]);

    expect(await take(one, { platform: ARM })).toEqual(amd.stored.diffIds);
    await expect(take(one, { platform: ARM, isPlatformAsked: true })).rejects.toThrow(
      'it holds no image for linux/arm64, but for linux/amd64',
    );
  });
});
