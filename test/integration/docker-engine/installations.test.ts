import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import { removeFleet, sweepContainers } from '../../../docker/sweep.ts';
import { containerName } from '../../../model/container-name.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { RunContainerInput } from '../../../model/pure/payloads.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import type { RunContainerDeps } from '../../../steps/run-container.ts';
import { RunLog } from '../../../steps/run-log.ts';
import { removeRun } from '../../../steps/run-volumes.ts';
import { startOrAdopt } from '../../../steps/start-or-adopt.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { connectDevEngine, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';

jest.setTimeout(120_000);

const plannedAt = '2026-01-02T03:04:05.000Z';
const file =
  'version: 1\ntasks: { sleep: { image: debian:bookworm, command: [sleep, "1000"], checkout: false, cache: { c: /c } } }\n';
const plan = aPlanOf(aPushInput(), { plannedAt, file });
const taskId = taskIdIn(plan.pushId, 'sleep');
const input: RunContainerInput = {
  task: {
    ...{ pushId: plan.pushId, taskId, plannedAt, label: 'sleep', level: 1, firstRun: 0, retries: 0 },
    ...{ deadlineSeconds: 100, maxRunTimeSeconds: 100 },
  },
  run: 0,
  engineImageId: 'debian:bookworm',
};

/** One of two that use the same engine and carry out the same pushes, each with a store of its own. */
interface Installation {
  readonly engine: Engine;
  readonly deps: RunContainerDeps;
  readonly name: string;
  start(): Promise<{ readonly id: string; readonly isAdopted: boolean }>;
}

let installations: readonly Installation[];
beforeAll(async () => {
  installations = await Promise.all([install(testFleet()), install(testFleet())]);
});
afterAll(async () => {
  for (const { engine, deps } of installations) {
    await removeFleet(DEV_ENGINE, deps.fleet, { volumes: true });
    await engine.close();
  }
});

async function install(fleet: string): Promise<Installation> {
  const engine = await connectDevEngine(fleet);
  const store = emptyStore();
  const plans = new PlanCache(store);
  plans.hold(plan);
  const source = { open: () => Promise.reject(new Error('nothing is checked out')) };
  const deps = { store, plans, engine, source, fleet };
  const name = containerName(fleet, taskId, 0);
  const [planned] = plan.tasks;
  if (!planned) throw new Error('The plan has no task');
  const signal = AbortSignal.timeout(100_000);
  return {
    engine,
    deps,
    name,
    start: async () => {
      const log = await RunLog.open(store.logs, taskId, 0);
      const context = { signal, isCanceled: () => false, onProgress: () => undefined };
      return startOrAdopt(deps, { input, name, plan, planned, log, secrets: new Map() }, context);
    },
  };
}

const isRunning = async ({ engine, name }: Installation): Promise<boolean> =>
  (await engine.containers.inspect(name))?.state === 'running';

it('Two installations carry out the same run in one engine, each its own, and neither removes the other’s', async () => {
  const [one, two] = installations as readonly [Installation, Installation];

  const [first, second] = [await one.start(), await two.start()];

  expect(second).toMatchObject({ isAdopted: false, id: expect.not.stringMatching(first.id) });
  expect(await one.start()).toMatchObject({ isAdopted: true, id: first.id });
  const { fleet } = one.deps;
  await sweepContainers(one.engine, { fleet, isNobodys: () => Promise.resolve(true) });
  expect([await isRunning(one), await isRunning(two)]).toEqual([false, true]);
  expect(await two.engine.containers.networks({ [LABEL.fleet]: two.deps.fleet })).toHaveLength(1);
  expect(await two.engine.containers.volumes({ [LABEL.fleet]: two.deps.fleet })).toHaveLength(2);

  await one.start();
  await removeRun(two.deps, input);
  expect([await isRunning(one), await isRunning(two)]).toEqual([true, false]);
});
