import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { pino } from 'pino';
import { connectEngine } from '../../../docker/connect.ts';
import { removeById } from '../../../docker/containers/container-network.ts';
import type { Engine } from '../../../docker/engine.ts';
import { containerName } from '../../../model/container-name.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { Plan, PlannedTask } from '../../../model/schema/plan.ts';
import { lendPatiently } from '../../../steps/lend-patiently.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { RunLog } from '../../../steps/run-log.ts';
import { startOrAdopt } from '../../../steps/start-or-adopt.ts';
import type { OwnContainer } from '../../../steps/start-or-adopt.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { BuilderEngines } from '../../../workers/builder-engines.ts';
import { openParts } from '../../../workers/parts.ts';
import { NO_BLOBS, testFleet } from '../../helpers/dev-engine.ts';
import { makeImage } from '../../helpers/engine-images.ts';
import { until } from '../../helpers/live-stack.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { tinyProgram } from '../../helpers/tiny-program.ts';

jest.setTimeout(120_000);

/** Addresses of two networks. */
const POOL = ['--default-address-pool', 'base=10.231.0.0/24,size=25'];
const WAITS = /The engine has no addresses for another network: .*\. The run waits until one is removed\n/g;
const SEVERAL_TRIES_MS = 12_000;

describe('an engine that has no network free', () => {
  const fleet = testFleet();
  const store = createStore(createMemoryObjectStore());
  const taken = ['taken-1', 'taken-2'];
  let second: SecondEngine;
  let engine: Engine;
  let engineImageId: string;
  beforeAll(async () => {
    second = await startSecondEngine({ arguments: POOL });
    const address = `unix://${second.socketPath}`;
    engine = await connectEngine({ address, blobs: NO_BLOBS, reach: { kind: 'none' }, fleet });
    const layers = [{ 'bin/true': tinyProgram('it runs\n') }];
    engineImageId = (await makeImage(second.docker, { layers })).id;
  });
  beforeEach(async () => {
    const there = (await second.docker.listNetworks()).map(({ Name }) => Name);
    for (const Name of taken) if (!there.includes(Name)) await second.docker.createNetwork({ Name });
  });
  afterAll(async () => {
    // An engine that ends leaves their bridges, and so their addresses, to the machine.
    for (const { Id, Driver } of (await second?.docker.listNetworks()) ?? [])
      if (Driver === 'bridge') await removeById(second.docker, Id);
    await engine?.close();
    await second?.stop();
  });

  /** A run that is to start, and what its log says meanwhile. */
  async function starting(signal: AbortSignal): Promise<{
    readonly name: string;
    readonly started: Promise<OwnContainer>;
    readonly log: () => Promise<string>;
  }> {
    const pushId = `push/demo/1/${'a'.repeat(40)}`;
    const label = randomBytes(4).toString('hex');
    const taskId = taskIdIn(pushId, label);
    const task = { pushId, taskId, plannedAt: '', label, level: 1, firstRun: 0, retries: 0 } as const;
    const input = { task: { ...task, deadlineSeconds: 1, maxRunTimeSeconds: 1 }, run: 0, engineImageId };
    const planned = {
      ...{ label, env: {}, artifacts: {}, inputs: {}, checkout: null },
      resources: { pids: 16, shmBytes: 2 ** 26 },
    } as unknown as PlannedTask;
    const plan = { domain: 'demo', project: 'demo', level: 1 } as unknown as Plan;
    const context = { signal, isCanceled: () => false, onProgress: () => undefined };
    const name = containerName(fleet, taskId, 0);
    const log = await RunLog.open(store.logs, taskId, 0);
    const source = { open: () => Promise.reject(new Error('nothing is checked out')) };
    const deps = { store, plans: new PlanCache(store), engine, source, fleet };
    const started = startOrAdopt(deps, { input, name, plan, planned, log, secrets: new Map() }, context);
    started.catch(() => undefined);
    return {
      name,
      started,
      log: async () => {
        let said = '';
        for await (const { text } of store.logs.chunks(taskId, 0, -1)) said += text.toString();
        return said;
      },
    };
  }

  it('is waited for, however often it refuses, and said once; the run starts when one is removed', async () => {
    const { name, started, log } = await starting(AbortSignal.timeout(60_000));
    await Promise.race([started, until(async () => (await log()).match(WAITS) !== null)]);
    await new Promise((resolve) => setTimeout(resolve, SEVERAL_TRIES_MS));
    expect((await log()).match(WAITS)).toHaveLength(1);

    await second.docker.getNetwork('taken-1').remove();

    expect(await started).toMatchObject({ hadEnded: false, isAdopted: false });
    await engine.containers.remove(name);
  });

  it('is not waited for any more once the run is stopped', async () => {
    const stop = new AbortController();
    const { started, log } = await starting(stop.signal);
    await Promise.race([started, until(async () => (await log()).match(WAITS) !== null)]);
    const stopped = new Error('stopped');

    stop.abort(stopped);

    await expect(started).rejects.toBe(stopped);
  });

  it('is waited for by a builder that has to make a sidecar, and said once', async () => {
    await using directory = await temporaryDirectory('slipway-networks-');
    const connections = {
      ...{ version: 1 as const, fleet, runnerEngine: `unix://${second.socketPath}` },
      temporal: { address: '127.0.0.1:1', namespace: 'none' },
      store: { endpoint: 'http://127.0.0.1:1', region: 'r', bucket: 'b' },
      sidecarImage: 'slipway.invalid/sidecar:none',
      serverConfig: join(directory.path, 'slipway.config.yml'),
      ...{ stateDirectory: directory.path, runtimeDirectory: directory.path },
    };
    const secrets = { find: () => Promise.resolve(undefined) };
    const parts = openParts(connections, 1, { logger: pino({ level: 'silent' }), secrets });
    const engines = new BuilderEngines(parts);
    const stop = new AbortController();
    const context = { signal: stop.signal, isCanceled: () => false, onProgress: () => undefined };
    const said: string[] = [];
    const log = { say: (line: string) => said.push(line) };
    const lent = lendPatiently(engines.lend, 'demo', { context, log }, () => Promise.resolve());
    lent.catch(() => undefined);
    try {
      await Promise.race([lent, until(() => said.length > 0)]);
      await new Promise((resolve) => setTimeout(resolve, SEVERAL_TRIES_MS));
      expect(said).toEqual([
        expect.stringMatching(/^The engine has no .*\. The build waits until one is removed$/),
      ]);

      await second.docker.getNetwork('taken-1').remove();

      const networks = async (): Promise<readonly string[]> =>
        (await second.docker.listNetworks()).map(({ Name }) => Name);
      const isMade = async (): Promise<boolean> =>
        (await networks()).some((name) => name.includes('sidecar'));
      // The sidecar itself cannot be made of an image that is nowhere.
      await Promise.race([lent.catch(() => undefined), until(isMade)]);
      expect(await isMade()).toBe(true);
    } finally {
      stop.abort();
      await engines.close();
      parts.close();
    }
  });
});
