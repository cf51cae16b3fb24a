import { expect, it, jest } from '@jest/globals';
import { connectEngine } from '../../../docker/connect.ts';
import { pushId as pushIdOf, taskIdIn } from '../../../model/pure/ids.ts';
import type { RunInput } from '../../../model/pure/payloads.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { holdOfRun } from '../../../steps/hold-of-run.ts';
import { loadTaskImage } from '../../../steps/load-task-image.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { removeRun } from '../../../steps/run-volumes.ts';
import { saveArtifacts } from '../../../steps/save-artifacts.ts';
import { createStore } from '../../../store/create-store.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { testFleet } from '../../helpers/dev-engine.ts';
import { makeImage } from '../../helpers/engine-images.ts';
import { startImageRegistry } from '../../helpers/image-registry.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import { aPushInput } from '../../helpers/push-input.ts';

jest.setTimeout(120_000);

const push = aPushInput();
const pushId = pushIdOf(push);
const plannedAt = '2026-01-01T00:00:01.000Z';
const context = {
  signal: new AbortController().signal,
  onProgress: () => undefined,
  isCanceled: () => false,
};

it('A plain image that a task pulled is held for its run, marked as Slipway’s, and tells of its use afterwards, also when the run came to no container', async () => {
  await using registry = await startImageRegistry({});
  await using second = await startSecondEngine();
  await registry.put('plain', '1', { file: Buffer.from('text') });
  const reference = `${registry.host}/plain:1`;
  const store = createStore(createMemoryObjectStore());
  const plans = new PlanCache(store);
  const fleet = testFleet();
  const { config } = parseSlipwayYml(`version: 1\ntasks: { unit: { image: "${reference}" } }\n`);
  const tasks = Object.values(config?.tasks ?? {}).map(({ when: _when, ...task }) => ({ ...task, why: '' }));
  const about = { version: 1, pushId, plannedAt, domain: 'demo' } as const;
  plans.hold({ ...push, ...about, warnings: [], skipped: [], images: [], tasks });
  const engine = await connectEngine({
    address: `unix://${second.socketPath}`,
    blobs: store.blobs,
    reach: { kind: 'none' },
    fleet,
    room: () => Promise.resolve({ isPrivate: false, budgetBytes: 1_000_000_000 }),
  });
  const names = async (): Promise<readonly string[]> => {
    const { RepoTags } = await second.docker.getImage(reference).inspect();
    return RepoTags.map((name) => /^slipway\.invalid\/([a-z]+):/.exec(name)?.[1] ?? name).toSorted();
  };
  const numbers = { level: 1, firstRun: 0, retries: 0, deadlineSeconds: 60, maxRunTimeSeconds: 60 } as const;
  const task = { pushId, plannedAt, taskId: taskIdIn(pushId, 'unit'), label: 'unit', ...numbers };
  const load = (input: RunInput): ReturnType<typeof loadTaskImage> =>
    loadTaskImage({ store, plans, engine }, input, context);
  const [first, other] = [
    { task, run: 0 },
    { task, run: 1 },
  ] as const;

  const loaded = await load(first);
  const pulled = await names();
  await engine.images.release(holdOfRun(first));
  const released = await names();
  const again = await load(other);

  // Whatever names it has got, its own is that of its registry.
  expect(loaded.registryDigest).toMatch(/^sha256:/);
  expect(again.registryDigest).toBe(loaded.registryDigest);
  const marks = pulled.filter((name) => name === 'pulled');
  expect(marks.length).toBeGreaterThan(0);
  expect(pulled).toEqual([reference, 'held', ...marks].toSorted());
  expect(released).toEqual([reference, ...marks, 'used'].toSorted());
  expect(await names()).toEqual([reference, 'held', ...marks, 'used'].toSorted());

  // A run that ended before it had a container, of a worker and of a laptop.
  await saveArtifacts({ store, plans, engine, fleet }, { ...other, reason: 'resource-unavailable' }, context);
  expect(await names()).toEqual([reference, ...marks, 'used'].toSorted());
  const last = { task, run: 2 } as const;
  await load(last);
  expect(await names()).toContain('held');
  await removeRun({ engine, plans, fleet }, last);
  expect(await names()).toEqual([reference, ...marks, 'used'].toSorted());
  await engine.close();
});

it('An image of another trust domain in the same engine is nobody’s to find: not by its name there, its id or a beginning of that', async () => {
  await using second = await startSecondEngine();
  const { tag, id } = await makeImage(second.docker, { layers: [{ file: 'text' }] });
  await second.docker.getImage(tag).tag({ repo: 'slipway.invalid/image', tag: 'of-another' });
  const engine = await connectEngine({
    address: `unix://${second.socketPath}`,
    blobs: emptyStore().blobs,
    reach: { kind: 'none' },
    fleet: testFleet(),
    room: () => Promise.resolve({ isPrivate: false, budgetBytes: 1_000_000_000 }),
  });
  const { images } = engine;

  const hex = id.replace('sha256:', '');
  const guesses = ['slipway.invalid/image:of-another', hex, hex.slice(0, 12), hex.slice(0, 8)];
  // It is there by these …
  expect(await Promise.all(guesses.map((guess) => images.find(guess)))).toEqual([id, id, id, id]);
  // … and is neither held nor given for them.
  for (const guess of guesses) {
    await images.use(guess, 'holder');
    expect(await images.findPulled(guess)).toBeUndefined();
  }
  for (const name of [tag, tag.replace(':1', ''), `docker.io/${tag}`])
    expect((await images.findPulled(name))?.engineImageId).toBe(name.endsWith(':1') ? id : undefined);
  const { RepoTags } = await second.docker.getImage(id).inspect();
  expect(RepoTags.toSorted()).toEqual(['slipway.invalid/image:of-another', tag].toSorted());
  await engine.close();
});
