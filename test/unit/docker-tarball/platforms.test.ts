import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
  options: { readonly platform?: string; readonly isPlatformAsked?: boolean },
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
