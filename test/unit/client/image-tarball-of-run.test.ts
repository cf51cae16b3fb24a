import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { downloadArtifact, listArtifacts } from '../../../client/read-task.ts';
import { IMAGE_TARBALL, IMAGE_TARBALL_ZST } from '../../../model/pure/artifact-names.ts';
import type { ImageCoordinates } from '../../../model/pure/ids.ts';
import { imageTaskId } from '../../../model/pure/ids.ts';
import type { ArtifactRecord, RunRecord } from '../../../model/schema/records.ts';
import { openImageTarball } from '../../../steps/image-tarball.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { Store } from '../../../store/store.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';
import { filesOf } from '../../helpers/tar-files.ts';

const signal = new AbortController().signal;
const id: ImageCoordinates = { domain: 'demo', level: 1, name: 'lint', imageHash: 'ab'.repeat(32) };
const taskId = imageTaskId(id);

let store: Store;
let images: readonly MadeImage[];
beforeEach(async () => {
  store = emptyStore();
  images = await Promise.all([0, 1].map(async () => putImage(store.blobs, await anImage())));
});

const tarOf = (run: number, name = IMAGE_TARBALL): Promise<Buffer> =>
  buffer(openImageTarball(store, id, images[run]!.stored, signal, name));

const storeTar = async (run: number, bytes: Buffer): Promise<ArtifactRecord> =>
  store.artifacts.write(taskId, run, IMAGE_TARBALL, Readable.from([bytes]), {
    contentType: 'application/x-tar',
  });

/** Run 0 and run 1 have built the two images; the index has the newer one. */
async function built(artifacts: Readonly<Record<number, readonly ArtifactRecord[]>> = {}): Promise<void> {
  const runs = images.map(({ stored }, run): RunRecord => ({
    run,
    state: 'completed',
    phases: {},
    artifacts: [...(artifacts[run] ?? [])],
    manifestDigest: stored.manifestDigest,
  }));
  const created = '2026-01-01T00:00:00.000Z';
  await store.tasks.change(taskId, () => ({
    version: 1,
    taskId,
    label: 'image lint',
    state: 'completed',
    created,
    runs,
  }));
  const inputs = { contextHash: 'c', args: {}, platform: 'linux/amd64', parent: null, bases: {} };
  await store.index.write(id, 1, { version: 1, taskId, run: 1, created, ...images[1]!.stored, inputs });
}

const download = async (options: { readonly name?: string; readonly run?: number } = {}): Promise<Buffer> => {
  const { body } = await downloadArtifact(store, taskId, { name: IMAGE_TARBALL, ...options, signal });
  return buffer(body);
};

describe('the tarball of an image that was built again', () => {
  it('is that of the run that is asked for, else of the build that the index names', async () => {
    await built();

    expect(await download({ run: 0 })).toEqual(await tarOf(0));
    expect(await download({ run: 0, name: IMAGE_TARBALL_ZST })).toEqual(await tarOf(0, IMAGE_TARBALL_ZST));
    expect(await download({ run: 1 })).toEqual(await tarOf(1));
    expect(await download()).toEqual(await tarOf(1));
    await expect(download({ run: 2 })).rejects.toThrow('Run 2 of');
  });

  it('is what is listed for that run where it is stored', async () => {
    const kept = randomBytes(500);
    const record = await storeTar(0, kept);
    await built({ 0: [record] });

    const listed = await listArtifacts(store, taskId);

    expect(listed.map(({ run, name }) => `${run} ${name}`)).toEqual([
      `1 ${IMAGE_TARBALL}`,
      `1 ${IMAGE_TARBALL_ZST}`,
      `0 ${IMAGE_TARBALL}`,
    ]);
    expect(await download({ run: 0 })).toEqual(kept);
    expect((await downloadArtifact(store, taskId, { name: IMAGE_TARBALL, run: 0, signal })).sizeBytes).toBe(
      500,
    );
    expect(await download()).toEqual(await tarOf(1));
  });
});

describe('the tarball of an image whose name no engine takes', () => {
  it('carries one that every engine does', async () => {
    const odd = { ...id, name: 'a..b' };

    const files = await filesOf(await buffer(openImageTarball(store, odd, images[0]!.stored, signal)));

    const name = `slipway.invalid/image:${id.imageHash}`;
    expect(JSON.parse(String(files.get('manifest.json')))).toMatchObject([{ RepoTags: [name] }]);
    expect(String(files.get('index.json'))).toContain(name);
    expect(String(files.get('index.json'))).not.toContain('a..b');
  });
});

describe('the tarball of an image that a higher level has built', () => {
  it('is of that build, whatever runs of the same number this level had', async () => {
    await built();
    const higher = imageTaskId({ ...id, level: 3 });
    const { entry } = (await store.index.find(id, 1))!;
    await store.index.write(id, 3, { ...entry, ...images[1]!.stored, taskId: higher, run: 0 });
    await store.index.remove(id, 1);

    expect(await download()).toEqual(await tarOf(1));
    expect(await download({ run: 0 })).toEqual(await tarOf(0));
  });
});

describe('the tarball of an image that was taken out of the index', () => {
  it('is the newest that a build has stored', async () => {
    const kept = randomBytes(500);
    await built({ 1: [await storeTar(1, kept)] });
    await store.index.remove(id, 1);

    expect(await download()).toEqual(kept);
    expect(await download({ run: 1 })).toEqual(kept);
  });

  it('is made of what a named build has made, while the store has it', async () => {
    await built();
    await store.index.remove(id, 1);

    expect(await download({ run: 0 })).toEqual(await tarOf(0));
    await expect(download()).rejects.toThrow('is not in the index, and no build of it has kept');
  });
});
