import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { connectEngine } from '../../../docker/connect.ts';
import type { Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import { containerName } from '../../../model/container-name.ts';
import { pushId as idOf, taskIdIn } from '../../../model/pure/ids.ts';
import { withoutLayers } from '../../../model/pure/image-digests.ts';
import type { PlannedImage, StoredImage } from '../../../model/schema/plan.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { RunLog } from '../../../steps/run-log.ts';
import { startOrAdopt } from '../../../steps/start-or-adopt.ts';
import type { OwnContainer } from '../../../steps/start-or-adopt.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { startAlteredEngine } from '../../helpers/altered-engine.ts';
import { startClassicEngine } from '../../helpers/classic-engine.ts';
import { testFleet } from '../../helpers/dev-engine.ts';
import { makeImage, noise } from '../../helpers/engine-images.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { tinyProgram } from '../../helpers/tiny-program.ts';

jest.setTimeout(120_000);

const signal = AbortSignal.timeout(110_000);
const imageHash = 'ab'.repeat(32);
const plannedAt = '2026-01-01T00:00:01.000Z';
const fleet = testFleet();
const store = createStore(createMemoryObjectStore());
const GROUND_BYTES = 500_000;
let second: SecondEngine;
let engine: Engine;
/** Two images on one ground, and one that shares nothing with them. */
let stored: StoredImage;
let onTheSame: StoredImage;
let other: StoredImage;

beforeAll(async () => {
  // How one loses a layer is known of the classic store alone.
  second = await (process.env['SLIPWAY_TEST_MODERN'] ? startClassicEngine() : startSecondEngine());
  engine = await connect(`unix://${second.socketPath}`);
  const ground = { 'bin/true': tinyProgram('it runs\n'), bulk: noise(GROUND_BYTES) };
  stored = await published([ground, { small: noise(1000) }]);
  onTheSame = await published([ground, { small: noise(1000) }]);
  other = await published([{ 'bin/true': tinyProgram('it runs\n') }]);
});
afterEach(async () => {
  for (const { Id } of await second.docker.listImages())
    await second.docker.getImage(Id).remove({ force: true });
  expect(await second.docker.listContainers({ all: true })).toEqual([]);
});
afterAll(async () => {
  await engine?.close();
  await second?.stop();
});

function connect(address: string, reach: 'loopback' | 'none' = 'loopback'): Promise<Engine> {
  return connectEngine({
    ...{ address, blobs: store.blobs, fleet, reach: { kind: reach } },
    room: () => Promise.resolve({ isPrivate: false, budgetBytes: 100 * GROUND_BYTES }),
  });
}

async function published(layers: Parameters<typeof makeImage>[1]['layers']): Promise<StoredImage> {
  const { tag } = await makeImage(second.docker, { layers });
  const image = await engine.images.publish(tag, { signal, mayConfirm: () => false });
  await second.docker.getImage(tag).remove({ force: true });
  return image;
}

const load = (image: StoredImage, tag: string): ReturnType<Engine['images']['load']> =>
  engine.images.load(image, { tag, signal });

/** Starts a task's run in the image as it was loaded. */
async function start(engineImageId: string): Promise<OwnContainer & { readonly said: string }> {
  const push = aPushInput();
  const pushId = idOf(push);
  const label = randomBytes(4).toString('hex');
  const taskId = taskIdIn(pushId, label);
  const file = `version: 1\nimages: { tools: { context: a } }\ntasks: { "${label}": { image: { in-tree: tools }, checkout: false, network: none } }\n`;
  const image: PlannedImage = {
    ...{ name: 'tools', context: 'a', contextHash: 'c0', imageHash, parent: null, why: 'known' },
    inputs: { contextHash: 'c0', args: {}, platform: 'linux/amd64', parent: null, bases: {} },
    ...{ taskId: `image/demo/1/tools/${imageHash}`, action: 'reuse', stored },
    ...{ tarball: 'view', missingBases: [] },
  };
  const plan = { ...aPlanOf(push, { plannedAt, file }), images: [image] };
  const task = { pushId, taskId, plannedAt, label, level: 1, firstRun: 0, retries: 0 } as const;
  const limits = { deadlineSeconds: 1, maxRunTimeSeconds: 1, image: withoutLayers(stored) };
  const input = { task: { ...task, ...limits }, run: 0, engineImageId };
  const name = containerName(fleet, taskId, 0);
  const log = await RunLog.open(store.logs, taskId, 0);
  const source = { open: () => Promise.reject(new Error('nothing is checked out')) };
  const deps = { store, plans: new PlanCache(store), engine, source, fleet };
  const context = { signal, isCanceled: () => false, onProgress: () => undefined };
  const run = { input, name, plan, planned: plan.tasks[0]!, log, secrets: new Map() };
  const own = await startOrAdopt(deps, run, context);
  await log.flush();
  expect((await engine.containers.wait(own.id, signal)).exitCode).toBe(0);
  await engine.containers.remove(name);
  let said = '';
  for await (const { text } of store.logs.chunks(taskId, 0, -1)) said += text.toString();
  return { ...own, said };
}

/** Takes the directory of one of an image's two layers away, as a disk in trouble does; the engine lists it as before. */
async function loseLayer(engineImageId: string, which: 'UpperDir' | 'LowerDir'): Promise<void> {
  const { GraphDriver } = await second.docker.getImage(engineImageId).inspect();
  const path = (GraphDriver.Data as Record<string, string>)[which] ?? '';
  expect(path).toMatch(/\/data\/overlay2\/[0-9a-f]{64}\/diff$/);
  await rm(dirname(path), { recursive: true });
}

const idsThere = async (): Promise<readonly string[]> =>
  (await second.docker.listImages()).map(({ Id }) => Id).toSorted();

it.each([
  ['the last', 'UpperDir', /^the engine cannot inspect it: .*no such file or directory/],
  ['a lower', 'LowerDir', /^no container could be made of it: .*no such file or directory/],
] as const)(
  'An image of which the engine has lost %s layer is brought whole, and the task runs; so is what has lost the same, when it is needed',
  async (_, which, why) => {
    const { engineImageId } = await load(stored, imageHash);
    const sibling = await load(onTheSame, 'sibling');
    const unrelated = await load(other, 'unrelated');
    await loseLayer(engineImageId, which);

    const { loadedAgain } = await start(engineImageId);

    expect(loadedAgain?.fellBack).toMatch(why);
    expect(loadedAgain?.bytesLoaded).toBeGreaterThan(GROUND_BYTES);
    const stays = which === 'UpperDir' ? [sibling] : [];
    const ids = [engineImageId, unrelated.engineImageId, ...stays.map((one) => one.engineImageId)];
    expect(await idsThere()).toEqual(ids.toSorted());
    const again = await load(onTheSame, 'sibling');
    expect(again.bytesLoaded).toBeLessThan(GROUND_BYTES);
    expect(again.fellBack).toBeUndefined();
  },
);

it('An image of which the engine has lost the last layer is brought whole before its container is made', async () => {
  const { engineImageId } = await load(stored, imageHash);
  await loseLayer(engineImageId, 'UpperDir');

  const again = await load(stored, imageHash);

  const fellBack = expect.stringMatching(/^the engine cannot inspect it: /);
  expect(again).toMatchObject({ engineImageId, way: 'tar', fellBack });
  expect(again.bytesLoaded).toBeGreaterThan(GROUND_BYTES);
  expect((await start(engineImageId)).loadedAgain).toBeUndefined();
});

it('An image of which the engine has lost a layer is in the way of no other, and goes when room is made', async () => {
  const lost = await load(other, 'lost');
  await loseLayer(lost.engineImageId, 'UpperDir');

  const byTars = await connect(`unix://${second.socketPath}`, 'none');

  const { engineImageId, fellBack } = await byTars.images.load(stored, { tag: imageHash, signal });

  expect(fellBack).toBeUndefined();
  expect(await idsThere()).toEqual([engineImageId, lost.engineImageId].toSorted());
  expect(await byTars.images.makeRoom()).toMatchObject({ images: 2 });
  expect(await idsThere()).toEqual([]);
  await byTars.close();
});

it('An image that is loaded anew moves whole, though it is there and in use', async () => {
  const { engineImageId } = await load(stored, imageHash);
  await second.docker.getImage(engineImageId).tag({ repo: 'somebodys', tag: 'own' });

  const again = await engine.images.load(stored, { tag: imageHash, signal, anew: 'it was asked for' });

  expect(again).toMatchObject({ engineImageId, way: 'tar', fellBack: 'it was asked for' });
  expect(again.bytesLoaded).toBeGreaterThan(GROUND_BYTES);
  const { RepoTags } = await second.docker.getImage(engineImageId).inspect();
  expect(RepoTags).toContain('somebodys:own');
});

it('An image is not to blame where the engine cannot make a container, and makes another one of it', async () => {
  const { engineImageId } = await load(stored, imageHash);
  await using scratch = await temporaryDirectory('slipway-altered-');
  await using altered = await startAlteredEngine(second.socketPath, scratch.path, {
    refuse: (method, url) =>
      method === 'POST' && url.includes('/containers/create?name=') ? 'trouble' : undefined,
    refusedWith: 500,
  });
  const troubled = await connect(altered.address);
  const spec = {
    ...{ name: `slipway-${fleet}-troubled`, engineImageId, env: {}, network: 'none' as const },
    ...{ labels: { [LABEL.fleet]: fleet }, resources: { pids: 16, shmBytes: 2 ** 20 } },
  };

  await expect(troubled.containers.ensureCreated(spec, signal)).rejects.toMatchObject({
    type: 'EngineRequestFailed',
    statusCode: 500,
  });
  await troubled.close();
});
