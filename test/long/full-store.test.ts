import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { docker, LiveApi, outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import type { TestRepository } from '../helpers/live-stack.ts';
import { OwnStore } from '../helpers/own-store.ts';
import { tinyProgram } from '../helpers/tiny-program.ts';
import { World } from '../helpers/world.ts';
import { createS3ObjectStore } from '../../store/s3-object-store.ts';

jest.setTimeout(600_000);

const MIB = 1024 ** 2;

let store: OwnStore;
let world: World;
let live: LiveApi;
let repository: TestRepository;
beforeAll(async () => {
  [store, world] = await Promise.all([OwnStore.open(192), World.open({ base: false })]);
  const home = join(world.home, 'own-store');
  await mkdir(home);
  const connections = { ...world.connections, store: store.connection };
  await writeFile(join(home, 'stack.json'), JSON.stringify(connections));
  live = await LiveApi.open(home);
  await world.startWorker(1, ['all'], { connections: { store: store.connection } });
  repository = await world.createRepository();
});
afterAll(async () => {
  await live.close();
  await world[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

/** A push of one task that saves so many bytes. */
async function startSaving(bytes: number, how: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const saving = {
    image: 'debian:bookworm',
    checkout: false,
    command: `head -c ${bytes} /dev/urandom > /saved; sha256sum < /saved`,
    artifacts: { 'public/saved': { type: 'file', path: '/saved' } },
    ...how,
  };
  return live.start(
    repository,
    await repository.commit({ 'slipway.yml': { version: 1, tasks: { saving } } }),
  );
}

const taskOf = (pushId: string): string => `${pushId.replace('push/', 'task/')}/saving`;
const logOf = (pushId: string): Promise<string> => live.log(taskOf(pushId)).catch(() => '');

/** What the server holds: keys of artifacts that are not logs, temporary objects and open uploads. */
async function heldByStore(): Promise<readonly string[]> {
  const objects = createS3ObjectStore(store.connection);
  const { endpoint = '', region, accessKeyId = '', secretAccessKey = '', bucket } = store.connection;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  const keys: string[] = [];
  for await (const { key } of objects.list('')) if (/^uploads|\/saved$/.test(key)) keys.push(key);
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  objects.close();
  client.destroy();
  return [...keys, ...Uploads.map(({ Key = '' }) => `unfinished ${Key}`)];
}

async function expectSaved(pushId: string): Promise<void> {
  const document = await live.verdict(pushId);
  expect(statesOf(document)).toEqual({ saving: 'completed/completed' });
  expect(document.tasks[0]?.runs).toHaveLength(1);
  const saved = await live.artifact(taskOf(pushId), 'public/saved');
  expect(await logOf(pushId)).toContain(createHash('sha256').update(saved).digest('hex'));
}

describe('a store whose disk is full', () => {
  it('is told as what it is, and as the operator’s; nothing half-written is seen', async () => {
    await store.fill(4 * MIB);
    const cache = { cache: { c: '/cache' }, onExitStatus: { purgeCaches: [0] } };
    const id = await startSaving(24 * MIB, { retries: 0, ...cache });

    const document = await live.verdict(id);

    expect(statesOf(document)).toEqual({ saving: 'exception/upload-failed' });
    const task = await live.api.task(taskOf(id));
    expect(task.detail).toMatch(/^The store is full: UploadPart failed/);
    expect(await logOf(id)).toContain('The store is full');
    expect(await heldByStore()).toEqual([]);
    // It had ended with the exit code that purges, though nobody came to that.
    const ofFleet = ['--filter', `label=slipway.fleet=${world.fleet}`];
    await until(async () => (await docker('volume', 'ls', '--quiet', ...ofFleet)) === '');
  });

  it('takes the next attempt of the same run when space was made', async () => {
    await store.fill(4 * MIB);
    const id = await startSaving(24 * MIB);
    await until(async () => (await logOf(id)).includes('The store is full'));

    await store.makeSpace();

    await expectSaved(id);
    expect(await heldByStore()).toEqual([expect.stringMatching(/\/saved$/)]);
  });
});

describe('a store that is full when an image is published', () => {
  it('is told in the log of the build; what came is not half-stored, and the same run goes on when space was made', async () => {
    await mkdir(join(repository.path, 'docker'));
    await writeFile(join(repository.path, 'docker/hello'), tinyProgram('hello\n'), { mode: 0o755 });
    await writeFile(join(repository.path, 'docker/bulk'), randomBytes(24 * MIB));
    const revision = await repository.commit({
      'docker/Dockerfile': 'FROM scratch\nCOPY hello /hello\nCOPY bulk /bulk\n',
      'slipway.yml': {
        version: 1,
        images: { made: { context: 'docker' } },
        tasks: { t: { image: { 'in-tree': 'made' }, command: ['/hello'], checkout: false } },
      },
    });
    const held = await heldByStore();
    await store.fill(4 * MIB);
    const id = await live.start(repository, revision);
    const imageId = async (): Promise<string> =>
      (await world.openWorkflows()).find((open) => open.startsWith('image/')) ?? '';
    await until(async () => (await imageId()) !== '');
    const taskId = await imageId();
    await until(async () => (await live.log(taskId).catch(() => '')).includes('The store is full'));
    await until(async () => (await heldByStore()).length === held.length);

    await store.makeSpace();
    const document = await live.verdict(id);

    expect(statesOf(document)).toEqual({ t: 'completed/completed' });
    expect(outcomesOf(document)).toEqual({ made: 'built' });
    expect((await live.api.task(taskId)).runs.map(({ reason }) => reason)).toEqual(['completed']);
    expect(await heldByStore()).toEqual(held);
  });
});

describe('an S3 server killed with SIGKILL', () => {
  it('in the middle of an upload and started again: the run goes on, and the artifact is whole', async () => {
    const held = await heldByStore();
    const id = await startSaving(32 * MIB);
    await until(async () => (await heldByStore()).some((what) => what.startsWith('unfinished')));

    await store.kill();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await store.start();

    await expectSaved(id);
    expect(await heldByStore()).toHaveLength(held.length + 1);
  });
});
