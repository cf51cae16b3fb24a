import { Readable } from 'node:stream';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Engine, EngineInfo } from '../../../docker/engine.ts';
import { pushId as pushIdOf, taskIdIn } from '../../../model/pure/ids.ts';
import { importSavedTarballs } from '../../../steps/import-saved-tarballs.ts';
import type { TarballImport } from '../../../steps/import-tarball.ts';
import { importTarball } from '../../../steps/import-tarball.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import { archive, ociLayout, savedByClassic } from '../../helpers/archives.ts';
import { sha256 } from '../../helpers/bytes.ts';
import { withoutReads } from '../../helpers/lower-keys.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import { anImage } from '../../helpers/stored-images.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';

const PATH = 'public/image.tar';
const ROUTED = '    routes: [tools.latest]\n';
const platform = 'linux/amd64';
const engine: Pick<Engine, 'info'> = { info: () => Promise.resolve({ platform } as EngineInfo) };
const context = {
  signal: new AbortController().signal,
  onProgress: () => undefined,
  isCanceled: () => false,
};
const push = aPushInput({ level: 3 });
const taskId = taskIdIn(pushIdOf(push), 'make');

let objects: ObjectStore;
let store: Store;
let image: MadeImage;
let other: MadeImage;
/** How often the tarball was read. */
let reads: number;
let said: (readonly [kind: 'info' | 'error', line: string])[];
beforeAll(async () => {
  [image, other] = await Promise.all([anImage(), anImage()]);
});
beforeEach(() => {
  objects = createMemoryObjectStore();
  reads = 0;
  store = createStore({
    ...objects,
    stream: (key, options) => {
      if (key.startsWith('level-3/tasks/')) reads += 1;
      return objects.stream(key, options);
    },
  });
  said = [];
});

/** What is done with a tarball that task `make` has left, by a plan with more of that task and other tasks. */
async function save(tar: Buffer, more = '', path = PATH): Promise<void> {
  const body = Readable.from([tar], { objectMode: false });
  const artifact = await store.artifacts.write(taskId, 0, path, body, { contentType: 'application/x-tar' });
  const file = `version: 1
tasks:
  make:
    image: debian:bookworm
    command: make
    artifacts: { ${path}: { type: file, path: /image.tar } }
${more}`;
  const plan = aPlanOf(push, { plannedAt: 'now', file });
  const planned = plan.tasks.find(({ label }) => label === 'make')!;
  const run = { taskId, run: 0, plan, planned, engine, artifacts: [artifact] };
  await importSavedTarballs(store, run, context, (line, kind = 'info') => said.push([kind, line]));
}

const use = (name?: string): string => `  use:
    dependencies: [make]
    image: { type: task-image, taskId: { task-reference: make }, path: ${PATH}${name === undefined ? '' : `, name: ${name}`} }
    command: use
`;

/** What a level finds that may read nothing of the task but what is shared. */
function findBelow(tar: Buffer, name?: string, on = platform): Promise<TarballImport> {
  const below = createStore(withoutReads(objects, 'level-3/tasks/'));
  const tarball = { taskId, run: 0, path: PATH, sha256: sha256(tar), name };
  return importTarball(below, tarball, { domain: 'demo', level: 1, platform: on }, context);
}

describe('the tarball of a task with a route', () => {
  it.each<[what: string, make: () => Promise<Buffer>, why: RegExp]>([
    ['holds no image', () => archive([['x', 'x']]), /it is no tar of an image: /],
    [
      'is broken',
      () => savedByClassic(image, { manifest: [{ Config: 'config.json', Layers: ['c'] }] }),
      /no layer at c$/,
    ],
    [
      'holds several without names',
      () => ociLayout([image, other], { index: (descriptor) => ({ ...descriptor, annotations: {} }) }),
      /it holds 2 images, /,
    ],
  ])('that %s is said not to be imported, and is no error', async (_what, make, why) => {
    await save(await make(), ROUTED);

    expect(said).toEqual([
      ['info', expect.stringMatching(new RegExp(`^${PATH} is not imported as an image: .*${why.source}`))],
    ]);
  });

  it('that holds several is read once, and a lower level finds each by its name', async () => {
    const tar = await ociLayout([image, other]);

    await save(tar, ROUTED);

    const line = /^2 images of public\/image\.tar imported, \d+ bytes stored \(image:0; image:1\)$/;
    expect(said).toEqual([['info', expect.stringMatching(line)]]);
    expect(reads).toBe(1);
    const byName = [await findBelow(tar, 'image:0'), await findBelow(tar, 'docker.io/library/image:1')];
    expect(byName.map(({ stored }) => stored.configDigest)).toEqual(
      [image, other].map(({ stored }) => stored.configDigest),
    );
    await expect(findBelow(tar, 'image:2')).rejects.toMatchObject({
      type: 'ImageUnavailable',
      message: expect.stringMatching(/it is of level 3, which has not shared an image named image:2 of it$/),
    });
    await expect(findBelow(tar)).rejects.toMatchObject({ type: 'ImageUnavailable' });
  });

  it('that holds one is known by one record, which a lower level finds by every name of it and by none', async () => {
    const manifest = [
      { Config: 'config.json', RepoTags: ['localhost/x:1', 'y'], Layers: ['a/layer.tar', 'b/layer.tar'] },
    ];
    const tar = await savedByClassic(image, { manifest });

    await save(tar, ROUTED);
    await save(tar, ROUTED);

    expect(said).toEqual([
      ['info', expect.stringMatching(/^Image public\/image\.tar imported, \d+ bytes stored$/)],
      ['info', `Image ${PATH} is known`],
    ]);
    expect(reads).toBe(1);
    for (const name of [undefined, 'x:1', 'y:latest'])
      expect((await findBelow(tar, name)).stored.configDigest).toBe(image.stored.configDigest);
    await expect(findBelow(tar, 'z')).rejects.toMatchObject({ type: 'ImageUnavailable' });
    const records: string[] = [];
    for await (const { key } of objects.list('level-3/index/demo/tarballs/')) records.push(key);
    expect(records).toHaveLength(1);
  });

  it('that is for several platforms is shared with that of its runner', async () => {
    const architectures = ['amd64', 'arm64'];
    const tar = await ociLayout([image, other], {
      index: (descriptor) => ({
        ...descriptor,
        annotations: {},
        platform: { os: 'linux', architecture: architectures.shift() },
      }),
    });

    await save(tar, ROUTED);

    expect((await findBelow(tar)).stored.configDigest).toBe(image.stored.configDigest);
    await expect(findBelow(tar, undefined, 'linux/arm64')).rejects.toMatchObject({
      type: 'ImageUnavailable',
      message: expect.stringMatching(/it is of level 3, which has not shared this image$/),
    });
  });

  it.each(['public/image.tar.gz', 'public/image.tgz', 'public/image.tar.zst'])(
    'is imported when it is called %s',
    async (path) => {
      await save(await savedByClassic(image), ROUTED, path);

      expect(said).toEqual([['info', expect.stringMatching(`^Image ${path} imported, `)]]);
    },
  );

  it('that a task of its push names is imported once, and one of several without saying which is an error', async () => {
    const tar = await ociLayout([image, other]);

    await save(tar, ROUTED + use('image:1'));
    expect([said.map(([kind]) => kind), reads]).toEqual([['info'], 1]);
    await save(tar, ROUTED + use());

    expect(said.at(-1)).toEqual([
      'error',
      expect.stringMatching(/it holds 2 images, and none of them is named/),
    ]);
  });
});

it('The tarball of a task without a route is imported for those that name it, and one that is no image is an error', async () => {
  const tar = await savedByClassic(image);
  await save(tar);
  expect(said).toEqual([]);
  await save(tar, use());
  expect(said).toEqual([['info', expect.stringMatching(/^Image public\/image\.tar imported, /)]]);

  await save(await archive([['x', 'x']]), use());

  expect(said.at(-1)).toEqual([
    'error',
    expect.stringMatching(/^Image ".*" cannot be used: .* no tar of an image/),
  ]);
});
