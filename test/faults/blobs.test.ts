import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import type { OpenStore } from '../../store/open-store.ts';
import { openStore } from '../../store/open-store.ts';
import { HARM } from '../helpers/harm.ts';
import type { TestRepository } from '../helpers/live-stack.ts';
import { forgetImage, liveConnections, outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { MAKE_IMAGE_SCRIPT } from '../helpers/make-image-script.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

let world: World;
let store: OpenStore;
let repository: TestRepository;
/** The bucket as the S3 server has it on disk. */
let directory: string;
let pushes = 0;
beforeAll(async () => {
  world = await World.open();
  store = openStore(world.connections.store);
  directory = join((await liveConnections()).stateDirectory, 'store', world.connections.store.bucket);
  await world.startWorker();
  repository = await world.createRepository();
});
afterAll(async () => {
  store.close();
  await world[Symbol.asyncDispose]();
});

type Harm = keyof typeof HARM;

const blobPath = (digest: string): string => join(directory, 'blobs/sha256', digest.replace('sha256:', ''));

/** Pushes another revision of the same images and waits for its end. */
async function push(tasks?: readonly string[]): Promise<PushDocument> {
  pushes += 1;
  const revision = await repository.commit({
    'docker/tool/Dockerfile':
      'FROM debian:bookworm\nRUN head -c 1000000 /dev/urandom > /random && echo tool > /tool\n',
    'docker/child/Dockerfile':
      'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\nRUN head -c 1000000 /dev/urandom > /more\n',
    README: `${pushes}`,
    'slipway.yml': {
      version: 1,
      images: { tool: { context: 'docker/tool' }, child: { context: 'docker/child', parent: 'tool' } },
      tasks: {
        parent: { image: { 'in-tree': 'tool' }, command: 'cat /tool', checkout: false },
        child: { image: { 'in-tree': 'child' }, command: 'cat /tool; wc -c < /more', checkout: false },
      },
    },
  });
  return world.push(repository, revision, tasks ? { request: { tasks: [...tasks] } } : {});
}

/** The stored image of a name, by its index entry. */
async function imageOf(
  name: string,
): Promise<{ manifestDigest: string; layers: readonly string[]; imageHash: string }> {
  for await (const { key, entry } of store.index.list('e2e', 1, name)) {
    const parts: Buffer[] = [];
    for await (const part of await store.blobs.read(entry.manifestDigest as `sha256:${string}`))
      parts.push(part as Buffer);
    const { layers } = JSON.parse(Buffer.concat(parts).toString()) as { layers: { digest: string }[] };
    return { ...entry, imageHash: key.imageHash, layers: layers.map(({ digest }) => digest) };
  }
  throw new Error(`No image ${name} is indexed`);
}

/** Removes both images from the runner's engine, so that the next task has to load them. */
async function forget(): Promise<void> {
  for (const name of ['child', 'tool']) {
    const { imageHash } = await imageOf(name);
    await forgetImage(`slipway.invalid/image:${imageHash}`);
  }
}

/** Every part of both images can be read to its end, under its digest. */
async function expectWholeImages(): Promise<void> {
  for (const name of ['tool', 'child']) {
    const { manifestDigest, layers } = await imageOf(name);
    for (const digest of [manifestDigest, ...layers])
      expect([name, digest, await store.blobs.examine(digest as `sha256:${string}`)]).toEqual([
        name,
        digest,
        'whole',
      ]);
  }
  expect(await world.openWorkflows()).toEqual([]);
  expect(await world.containers()).toEqual([]);
}

async function expectGood(document: PushDocument): Promise<void> {
  expect(statesOf(document)).toEqual({ child: 'completed/completed', parent: 'completed/completed' });
  expect(document.tasks.map(({ runs }) => runs.length)).toEqual([1, 1]);
  await expectWholeImages();
}

describe('a stored base with a changed layer', () => {
  it('is found by the builder that loads it, and published again by an engine that has it', async () => {
    const [key = ''] = await world.objects('level-3/index/_shared/bases/');
    const record = JSON.parse(await readFile(join(directory, key), 'utf8')) as {
      manifestDigest: string;
    };
    const [layer = ''] = await layersOf(record.manifestDigest);
    await HARM.changed(blobPath(layer));

    const document = await push();

    await expectGood(document);
    expect(outcomesOf(document)).toEqual({ child: 'built', tool: 'built' });
    const toolId = document.images.find(({ name }) => name === 'tool')?.taskId ?? '';
    expect(await world.log(toolId)).toContain(`is damaged: Blob ${layer} in the store`);
  });
});

describe('a layer of an in-tree image', () => {
  it.each<[Harm, string]>([
    ['changed', 'found by the runner that loads it, built again, and the same run goes on'],
    ['truncated', 'found by the plan and built again'],
    ['missing', 'found by the plan and built again'],
  ])('that is %s is %s', async (harm, _) => {
    await forget();
    const { layers } = await imageOf('tool');
    const layer = layers.at(-1) ?? '';
    await HARM[harm](blobPath(layer));

    const document = await push();

    await expectGood(document);
    if (harm !== 'changed') {
      expect(outcomesOf(document)).toEqual({ child: 'built', tool: 'built' });
      return;
    }
    expect(outcomesOf(document)).toEqual({ child: 'reused', tool: 'reused' });
    const logs = await Promise.all(document.tasks.map(({ taskId = '' }) => world.log(taskId)));
    expect(logs.join('')).toContain(`is damaged: Blob ${layer} in the store`);
  });

  it('that is changed, and one of the parent too: both are made again for the same run', async () => {
    await forget();
    const { layers } = await imageOf('child');
    await HARM.changed(blobPath(layers.at(-1) ?? ''));
    await HARM.changed(blobPath(layers.at(-2) ?? ''));

    const document = await push(['child']);

    expect(statesOf(document)).toEqual({ child: 'completed/completed' });
    expect(document.tasks.map(({ runs }) => runs.length)).toEqual([1]);
    await expectWholeImages();
    const log = await world.log(document.tasks[0]?.taskId ?? '');
    expect(log.match(/is damaged: Blob/g)).toHaveLength(2);
  });
});

describe('a manifest', () => {
  it.each<Harm>(['changed', 'missing'])(
    'that is %s is not believed: the image is built again',
    async (harm) => {
      await forget();
      const { manifestDigest } = await imageOf('child');
      await HARM[harm](blobPath(manifestDigest));

      const document = await push();

      await expectGood(document);
      expect(outcomesOf(document)).toEqual({ child: 'built', tool: 'reused' });
    },
  );
});

describe('a layer of an image that a task made', () => {
  it('that is changed or missing is stored again from the tarball, in the run that needs it', async () => {
    const path = 'public/image.tar.gz';
    const pushTasks = async (tasks: object): Promise<PushDocument> => {
      const revision = await repository.commit({ 'slipway.yml': { version: 1, tasks } });
      return world.push(repository, revision);
    };
    const made = await pushTasks({
      make: {
        image: 'debian:bookworm',
        command: MAKE_IMAGE_SCRIPT,
        env: { SAYS: 'made' },
        checkout: false,
        routes: ['made.latest'],
        artifacts: { [path]: { type: 'file', path: '/image.tar.gz' } },
      },
    });
    expect(statesOf(made)).toEqual({ make: 'completed/completed' });
    const [key = ''] = await world.objects('level-1/index/e2e/tarballs/');
    const { manifestDigest } = JSON.parse(await readFile(join(directory, key), 'utf8')) as {
      manifestDigest: string;
    };
    const [layer = ''] = await layersOf(manifestDigest);
    for (const harm of ['changed', 'missing'] as const) {
      const reference = `slipway.invalid/image:tarball-${manifestDigest.slice('sha256:'.length)}`;
      await forgetImage(reference);
      await HARM[harm](blobPath(layer));

      const image = { type: 'indexed-image', namespace: 'made.latest', path };
      const used = await pushTasks({ use: { image, command: `cat /made # ${harm}`, checkout: false } });

      expect(statesOf(used)).toEqual({ use: 'completed/completed' });
      expect(used.tasks[0]?.runs).toHaveLength(1);
      const log = await world.log(used.tasks[0]?.taskId ?? '');
      expect(log).toMatch(/Imported public\/image\.tar\.gz of task\/.*: \d{7,} bytes stored/);
      if (harm === 'changed') expect(log).toContain(`is damaged: Blob ${layer} in the store`);
      expect(await store.blobs.examine(layer as `sha256:${string}`)).toBe('whole');
    }
    expect(await world.objects('level-1/index/e2e/tarballs/')).toEqual([key]);
    expect(await world.unfinishedUploads()).toEqual([]);
  });
});

describe('an index entry', () => {
  it('that is damaged counts as none', async () => {
    const { imageHash } = await imageOf('child');
    const key = (await world.objects('level-1/index/e2e/images/child/')).find((name) =>
      name.endsWith(imageHash),
    );
    await HARM.changed(join(directory, key ?? ''));

    const document = await push();

    await expectGood(document);
    expect(outcomesOf(document)).toEqual({ child: 'built', tool: 'reused' });
  });
});

describe('an artifact that a task takes as its input', () => {
  it.each<Harm>(['changed', 'truncated'])('and that is %s is never used: the end names it', async (harm) => {
    pushes += 1;
    const plain = { image: 'debian:bookworm', checkout: false };
    const id = await world.start(
      repository,
      await repository.commit({
        README: `${pushes}`,
        'slipway.yml': {
          version: 1,
          tasks: {
            make: {
              ...plain,
              command: 'head -c 500000 /dev/urandom > /made',
              artifacts: { 'public/made': { type: 'file', path: '/made' } },
            },
            wait: { ...plain, command: 'sleep 10' },
            take: {
              ...plain,
              dependencies: ['make', 'wait'],
              inputs: { '/taken': { task: 'make', artifact: 'public/made' } },
              command: 'cat /taken',
            },
          },
        },
      }),
    );
    const made = async (): Promise<string | undefined> =>
      (await world.objects('level-1/tasks/')).findLast(
        (key) => key.includes(id.split('/')[3] ?? '') && key.endsWith('/public/made'),
      );
    await until(async () => (await made()) !== undefined);
    await HARM[harm](join(directory, (await made()) ?? ''));

    const document = await world.verdict(id);

    expect(statesOf(document)).toMatchObject({
      make: 'completed/completed',
      take: 'exception/resource-unavailable',
    });
    const task = await world.live.api.task(`${id.replace('push/', 'task/')}/take`);
    expect(task.detail).toMatch(
      /^Artifact "public\/made" of run 0 of task\/.*\/make is damaged in the store; run that task again$/,
    );
    expect(task.runs).toHaveLength(1);
    expect(await world.containers()).toEqual([]);
  });
});

async function layersOf(manifestDigest: string): Promise<readonly string[]> {
  const text = await readFile(blobPath(manifestDigest), 'utf8');
  const { layers } = JSON.parse(text) as { layers: { digest: string }[] };
  return layers.map(({ digest }) => digest);
}
