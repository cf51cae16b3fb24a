import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import { describeImages } from '../../../images/describe-images.ts';
import { EngineOutOfNetworks } from '../../../model/errors.ts';
import { imageTaskId } from '../../../model/pure/ids.ts';
import type { Plan, PlannedImage } from '../../../model/schema/plan.ts';
import type { BuildImageDeps } from '../../../steps/build-image.ts';
import { buildImage } from '../../../steps/build-image.ts';
import type { LendEngine } from '../../../steps/lend-engine.ts';
import type { LendingPatience } from '../../../steps/lend-patiently.ts';
import { lendPatiently } from '../../../steps/lend-patiently.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';

const ENGINE = {} as Engine;
const OUT = new EngineOutOfNetworks('The engine has no addresses for another network: all are taken');
const WAITS = `${OUT.message}. The build waits until one is removed`;

let asked: number;
let said: string[];
let stop: AbortController;
beforeEach(() => {
  asked = 0;
  said = [];
  stop = new AbortController();
});

/** Lends an engine after so many refusals. */
const lendAfter =
  (refusals: number, refusal: Error = OUT): LendEngine =>
  (_domain, signal, work) =>
    (asked += 1) > refusals ? work(ENGINE, signal) : Promise.reject(refusal);

const lend = (withEngine: LendEngine, patience: Partial<LendingPatience> = {}): Promise<Engine> =>
  lendPatiently(
    withEngine,
    'demo',
    {
      context: { signal: stop.signal, isCanceled: () => false, onProgress: () => undefined },
      log: { say: (line) => said.push(line) },
      pauseMs: 1,
      ...patience,
    },
    (engine) => Promise.resolve(engine),
  );

describe('an engine for whose sidecar there is no network', () => {
  it('is asked for until there is one, however often, and that is said once', async () => {
    expect(await lend(lendAfter(100))).toBe(ENGINE);

    expect(asked).toBe(101);
    expect(said).toEqual([WAITS]);
  });

  it('is not asked for any more once the work is stopped', async () => {
    const waiting = lend(lendAfter(Infinity), { pauseMs: 60_000 });
    const stopped = new Error('stopped');

    stop.abort(stopped);

    await expect(waiting).rejects.toBe(stopped);
    expect(asked).toBe(1);
  });

  it('is left to the next attempt after a while', async () => {
    await expect(lend(lendAfter(Infinity), { patienceMs: 20 })).rejects.toBe(OUT);

    expect(said).toEqual([WAITS]);
  });

  it('is waited for by a build, whose log says so', async () => {
    const tree = memoryTree({ 'a/Dockerfile': 'FROM debian:12\n' });
    const described = await describeImages(tree, { a: { context: 'a' } }, ['a'], {
      platform: 'linux/amd64',
      resolveBase: () => Promise.resolve('sha256:aa'),
    });
    const { inputs, imageHash } = described.images[0]!;
    const taskId = imageTaskId({ domain: 'demo', level: 1, name: 'a', imageHash: imageHash! });
    const store = emptyStore();
    const plans = new PlanCache(store);
    plans.plan = () => Promise.resolve({ domain: 'demo', repository: '/r', revision: 'a' } as Plan);
    plans.image = () =>
      Promise.resolve({ name: 'a', why: 'new', context: 'a', inputs, parent: null } as PlannedImage);
    const withEngine: LendEngine = () => {
      stop.abort(new Error('stopped'));
      return Promise.reject(OUT);
    };
    const deps = { store, plans, source: { open: () => Promise.resolve(tree) }, withEngine };

    const building = buildImage(
      deps as unknown as BuildImageDeps,
      { taskId, name: 'a', pushId: 'p', plannedAt: '', run: 0 },
      { signal: stop.signal, isCanceled: () => false, onProgress: () => undefined },
    );

    await expect(building).rejects.toThrow('stopped');
    expect((await (await store.logs.read(taskId, 0)).toArray()).join('')).toContain(`] ${WAITS}\n`);
  });

  it('is no other trouble, which is not waited for', async () => {
    const trouble = new Error('trouble');

    await expect(lend(lendAfter(Infinity, trouble))).rejects.toBe(trouble);

    expect([asked, said]).toEqual([1, []]);
  });
});
