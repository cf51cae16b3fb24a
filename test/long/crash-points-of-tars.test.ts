import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import type { Matches } from '../helpers/killing.ts';
import { BESIDE_BYTES, expectOneRun, halfWayAfter, Killing } from '../helpers/killing.ts';
import { outcomesOf, until } from '../helpers/live-stack.ts';
import { runningProcesses } from '../helpers/running-processes.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import type { SecondEngine } from '../helpers/second-engine.ts';
import { tinyProgram } from '../helpers/tiny-program.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

/** Of each layer: more than goes in several requests, so that each may be the one that is half-way. */
const LAYER_BYTES = 30_000_000;

const CHILD = ['ARG DOCKER_IMAGE_PARENT', 'FROM $DOCKER_IMAGE_PARENT', 'COPY one /one', 'COPY two /two'];

/** Names in an engine but for those that tell of the use of images. */
async function namesIn({ docker }: SecondEngine): Promise<readonly string[]> {
  const images = await docker.listImages();
  const names = images.flatMap(({ RepoTags, RepoDigests }) => [...(RepoTags ?? []), ...(RepoDigests ?? [])]);
  return names.filter((name) => !/^slipway\.invalid\/used:|^<none>/.test(name)).sort();
}

/** The engine itself is all that there is of it: no container, no helper, nothing half-loaded or half-saved. */
async function expectAtRest(engine: SecondEngine): Promise<void> {
  const directory = dirname(engine.socketPath);
  expect(await engine.docker.listContainers({ all: true })).toEqual([]);
  expect(await readdir(join(directory, 'data', 'tmp'))).toEqual([]);
  const programs = async (): Promise<readonly string[]> => {
    const processes = (await runningProcesses()).split('\n').filter((line) => line.includes(directory));
    return processes.map((line) => basename(line.split(' ')[0] ?? '')).sort();
  };
  // What watched the last container ends a moment after it.
  await until(async () => (await programs()).length <= 2);
  expect(await programs()).toEqual(['containerd', 'dockerd']);
}

const isRequest =
  (method: string, path: RegExp): Matches =>
  (request) =>
    request.method === method && path.test(request.key);

// Both engines are in networks of their own: they reach no endpoint.
it('a worker killed while an image moves as a tar, half-way into the store, half-way into an engine, and before each thing that follows: the next one does only the rest', async () => {
  await using builder = await startSecondEngine({ ownNetwork: true });
  await using runner = await startSecondEngine({ ownNetwork: true });
  await using world = await World.open({ base: false });
  await using killing = await Killing.begin(world, {
    builderEngine: `unix://${builder.socketPath}`,
    runnerEngine: `unix://${runner.socketPath}`,
  });
  const repository = await world.createRepository();
  const says = randomUUID();
  const large = {
    'ground/hello': tinyProgram(`${says}\n`),
    'ground/bulk': randomBytes(LAYER_BYTES),
    'child/one': randomBytes(LAYER_BYTES),
    'child/two': randomBytes(LAYER_BYTES),
  };
  for (const [path, bytes] of Object.entries(large)) {
    await mkdir(dirname(join(repository.path, path)), { recursive: true });
    await writeFile(join(repository.path, path), bytes, { mode: 0o755 });
  }
  const files = {
    'ground/Dockerfile': 'FROM scratch\nCOPY hello /hello\nCOPY bulk /bulk\n',
    'child/Dockerfile': `${CHILD.join('\n')}\n`,
    'slipway.yml': {
      version: 1,
      images: { ground: { context: 'ground' }, made: { context: 'child', parent: 'ground' } },
      tasks: { t: { image: { 'in-tree': 'ground' }, command: ['/hello'], checkout: false } },
    },
  };
  await killing.goOn();
  await expectOneRun(world, await world.start(repository, await repository.commit(files)), 't', says);
  const ground = killing.layersStored();
  const began = killing.store.seen.length;

  // The image on top of what both engines and the store have.
  const { tasks, ...same } = files['slipway.yml'];
  const slipway = { ...same, tasks: { t: { ...tasks.t, image: { 'in-tree': 'made' } } } };
  const struck = killing.at('store', 'at', halfWayAfter(/\/layers\/[^/]+\/sha256/));
  const id = await world.start(repository, await repository.commit({ 'slipway.yml': slipway }));

  const published = await struck;
  const stored = killing.layersStored(began, published.store);
  // One is read to see that it is what was noted. Then each is, to be measured and to be sent: when it is the other's turn, one was sent.
  let reads = 0;
  const isLayer: Matches = ({ method, key }) =>
    method === 'GET' && killing.layersStored(began).includes(key) && (reads += 1) === 4;
  const loading = await killing.at('store', 'at', isLayer);
  const rest = killing.layersStored(published.store);
  const loaded = await killing.at('engine', 'at', isRequest('POST', /^images\/load$/));
  const found = await killing.at(
    'engine',
    'before',
    isRequest('DELETE', /^images\/slipway\.invalid\/image:loading-/),
  );
  const created = await killing.at('engine', 'before', isRequest('POST', /^containers\/create$/));
  await killing.goOn();
  await expectOneRun(world, id, 't', says);

  const document = await world.verdict(id);
  expect(outcomesOf(document)).toEqual({ ground: 'reused', made: 'built' });
  // Into the store: one layer had come, the other comes, and what it stands on is not sent.
  expect([ground.length, stored.length, rest.length]).toEqual([1, 1, 1]);
  expect(new Set([...ground, ...stored, ...rest]).size).toBe(3);
  expect(killing.sentBytes(published.store)).toBeLessThan(LAYER_BYTES + BESIDE_BYTES);
  const image = document.images.find(({ name }) => name === 'made');
  const sent = Number(
    /Published sha256:\w+: (\d+) bytes sent/.exec(await world.log(image?.taskId ?? ''))?.[1],
  );
  expect(sent).toBeGreaterThan(LAYER_BYTES);
  expect(sent).toBeLessThan(LAYER_BYTES + BESIDE_BYTES);
  // Into the engine: a tar that broke off leaves nothing, so that both layers come again, without what they stand on …
  const layers = [...stored, ...rest].sort();
  expect([...new Set(killing.reads(layers, loading.store))].sort()).toEqual(layers);
  expect(killing.reads(ground, loading.store)).toEqual([]);
  // … and one that the engine has taken is not sent once more, though nobody was told.
  expect(killing.reads(layers, loaded.store)).toEqual([]);
  expect(found.engine).toBeLessThan(created.engine);
  const loads = killing.engine.seen.filter(isRequest('POST', /^images\/load$/));
  expect(loads).toHaveLength(2);

  await killing.expectStoreClean();
  const names = document.images.map(({ imageHash }) => `slipway.invalid/image:${imageHash ?? ''}`).sort();
  for (const engine of [builder, runner]) {
    expect(await namesIn(engine)).toEqual(names);
    await expectAtRest(engine);
  }
});
