import { randomBytes } from 'node:crypto';
import { readdir, readlink, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { digestOf } from '../../../docker/endpoint/closure.ts';
import { streamImageTar } from '../../../docker/tarball/image-tar.ts';
import { DirectoryBlobs } from '../../helpers/directory-blobs.ts';
import { until } from '../../helpers/live-stack.ts';
import { mountSmallDisk } from '../../helpers/small-disk.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import type { TemporaryDirectory } from '../../helpers/temporary-directory.ts';

jest.setTimeout(60_000);

const names = ['lint:latest'];
const signal = new AbortController().signal;
let directory: TemporaryDirectory;
let disk: TemporaryDirectory;
let blobs: DirectoryBlobs;

beforeAll(async () => {
  directory = await temporaryDirectory('slipway-measured-');
  disk = await mountSmallDisk('8m');
  blobs = await DirectoryBlobs.create(directory.path);
});

afterAll(async () => {
  await disk?.[Symbol.asyncDispose]();
  await directory?.[Symbol.asyncDispose]();
});

const usedBytes = async (): Promise<number> => {
  const { blocks, bfree, bsize } = await statfs(disk.path);
  return (blocks - bfree) * bsize;
};

/** Files of the small disk that this process has open. */
const openFiles = async (): Promise<readonly string[]> => {
  const numbers = await readdir('/proc/self/fd');
  const paths = await Promise.all(numbers.map((fd) => readlink(join('/proc/self/fd', fd)).catch(() => '')));
  return paths.filter((path) => path.startsWith(disk.path));
};

describe('a layer that is measured', () => {
  it('lies on the disk until it has passed, and not longer', async () => {
    const { stored } = await putImage(blobs, await anImage({ contents: [randomBytes(6_000_000)] }));

    const tar = streamImageTar(blobs, stored, { names, signal, directory: disk.path });
    const chunks = tar.iterator({ destroyOnReturn: false });
    await chunks.next();
    expect(await usedBytes()).toBeGreaterThan(6_000_000);
    expect(await openFiles()).toHaveLength(1);
    for await (const chunk of chunks) void chunk;

    expect(await openFiles()).toEqual([]);
    expect(await usedBytes()).toBeLessThan(1_000_000);
  });

  it('is let go when the tar is given up', async () => {
    const { stored } = await putImage(blobs, await anImage({ contents: [randomBytes(6_000_000)] }));

    const tar = streamImageTar(blobs, stored, { names, signal, directory: disk.path });
    await tar.iterator({ destroyOnReturn: false }).next();
    expect(await openFiles()).toHaveLength(1);
    tar.destroy();

    await until(async () => (await openFiles()).length === 0 && (await usedBytes()) < 1_000_000);
  });

  it('is read of the store twice when the disk is full before its end, and the tar is the same', async () => {
    const image = await putImage(blobs, await anImage({ contents: [randomBytes(12_000_000)] }));
    const layer = digestOf(image.layers[0] ?? Buffer.alloc(0));
    const read = async (): Promise<Buffer> => {
      blobs.reads.length = 0;
      const tar = streamImageTar(blobs, image.stored, { names, signal, directory: disk.path });
      return Buffer.concat(await tar.toArray());
    };

    const tar = await read();

    expect(blobs.reads.filter((digest) => digest === layer)).toHaveLength(2);
    expect(await openFiles()).toEqual([]);
    expect(await usedBytes()).toBeLessThan(1_000_000);
    expect((await read()).equals(tar)).toBe(true);
    expect(blobs.reads.filter((digest) => digest === layer)).toHaveLength(1);
  });
});
