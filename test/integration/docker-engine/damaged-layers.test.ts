import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { connectEngine } from '../../../docker/connect.ts';
import type { Engine } from '../../../docker/engine.ts';
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
import { testFleet } from '../../helpers/dev-engine.ts';
import { makeImage, noise } from '../../helpers/engine-images.ts';
import type { Layer } from '../../helpers/engine-images.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import { tinyProgram } from '../../helpers/tiny-program.ts';

jest.setTimeout(120_000);

const signal = AbortSignal.timeout(110_000);
const imageHash = 'ab'.repeat(32);
const plannedAt = '2026-01-01T00:00:01.000Z';
const fleet = testFleet();
const store = createStore(createMemoryObjectStore());
let second: SecondEngine;
let engine: Engine;
let stored: StoredImage;

beforeAll(async () => {
  second = await startSecondEngine();
  const address = `unix://${second.socketPath}`;
  engine = await connectEngine({ address, blobs: store.blobs, reach: { kind: 'loopback' }, fleet });
  const layers: Layer[] = [
    { 'bin/true': tinyProgram('it runs\n'), bulk: noise(500_000) },
    { small: noise(1000) },
  ];
  const { tag } = await makeImage(second.docker, { layers });
  stored = await engine.images.publish(tag, { signal, mayConfirm: () => false });
  await second.docker.getImage(tag).remove({ force: true });
});
afterAll(async () => {
  await engine?.close();
  await second?.stop();
});

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

/** Takes the directory of one of an image's layers away, as a disk in trouble does; the engine lists it as before. */
async function loseLayer(engineImageId: string, which: 'UpperDir' | 'LowerDir'): Promise<void> {
  const { GraphDriver } = await second.docker.getImage(engineImageId).inspect();
  const path = (GraphDriver.Data as Record<string, string>)[which]!.split(':')[0]!;
  await rm(dirname(path), { recursive: true });
  expect(path).toContain(join('data', 'overlay2'));
}

it.each([
  ['the last', 'UpperDir'],
  ['a lower', 'LowerDir'],
] as const)(
  'An image of which the engine has lost %s layer is loaded anew, and the task runs',
  async (_, which) => {
    const { engineImageId } = await engine.images.load(stored, { tag: imageHash, signal });
    await loseLayer(engineImageId, which);

    const { loadedAgain, said } = await start(engineImageId);

    expect(loadedAgain?.fellBack).toMatch(/^no container could be made of it: .*no such file or directory/);
    expect(loadedAgain?.bytesLoaded).toBeGreaterThan(500_000);
    expect(said).toContain('no container can be made of it; all of it is loaded anew');
    const { RepoTags } = await second.docker.getImage(engineImageId).inspect();
    expect(RepoTags).toEqual([`slipway.invalid/image:${imageHash}`]);
  },
);

it('An image that is loaded anew moves whole, though it is there and in use', async () => {
  const { engineImageId } = await engine.images.load(stored, { tag: imageHash, signal });
  await second.docker.getImage(engineImageId).tag({ repo: 'somebodys', tag: 'own' });

  const again = await engine.images.load(stored, { tag: imageHash, signal, anew: 'it was asked for' });

  expect(again).toMatchObject({ engineImageId, way: 'tar', fellBack: 'it was asked for' });
  expect(again.bytesLoaded).toBeGreaterThan(500_000);
  const { RepoTags } = await second.docker.getImage(engineImageId).inspect();
  expect(RepoTags.sort()).toEqual([`slipway.invalid/image:${imageHash}`, 'somebodys:own']);
});
