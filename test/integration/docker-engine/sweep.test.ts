import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import { dockerAt } from '../../../docker/client.ts';
import type { Engine } from '../../../docker/engine.ts';
import { KIND, LABEL } from '../../../docker/labels.ts';
import { removeFleet, sweepContainers } from '../../../docker/sweep.ts';
import { StoreUnavailable } from '../../../model/errors.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import { runCommand } from '../../../stack/run-command.ts';
import { unmountBelow } from '../../../stack/unmount-below.ts';
import { createStore } from '../../../store/create-store.ts';
import { taskKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { isNobodys } from '../../../workers/nobodys.ts';
import type { Parts } from '../../../workers/parts.ts';
import { startSweeper } from '../../../workers/sweeper.ts';
import { connectDevEngine, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';
import { until } from '../../helpers/live-stack.ts';

const TEST_TIMEOUT_MS = 60_000;

describe('sweeping', () => {
  const [fleet, otherFleet] = [testFleet(), testFleet()];
  let engine: Engine;
  let otherEngine: Engine;

  beforeAll(async () => {
    engine = await connectDevEngine(fleet);
    otherEngine = await connectDevEngine(otherFleet);
  });
  afterAll(async () => {
    await removeFleet(DEV_ENGINE, fleet, { volumes: true });
    await removeFleet(DEV_ENGINE, otherFleet, { volumes: true });
    await engine.close();
    await otherEngine.close();
  }, TEST_TIMEOUT_MS);

  async function create(
    by: Engine,
    name: string,
    task: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    await by.containers.ensureCreated(
      {
        name,
        engineImageId: 'debian:bookworm',
        command: ['sleep', '1000'],
        env: {},
        labels: { [LABEL.task]: task, ...more },
        resources: { pids: 16, shmBytes: 65_536 },
      },
      AbortSignal.timeout(TEST_TIMEOUT_MS),
    );
    await by.containers.start(name);
    return name;
  }

  it(
    "removes what is nobody's, then all of one fleet, and never what is another's",
    async () => {
      const docker = dockerAt(DEV_ENGINE);
      const wanted = await create(engine, `${fleet}-wanted`, 'wanted');
      const gone = await create(engine, `${fleet}-gone`, 'gone');
      const others = await create(otherEngine, `${otherFleet}-gone`, 'gone');
      await docker.createVolume({ Name: `${fleet}-data`, Labels: { [LABEL.fleet]: fleet } });
      const isNobodys = ({ labels }: { labels: Readonly<Record<string, string>> }): Promise<boolean> =>
        Promise.resolve(labels[LABEL.task] === 'gone');

      expect(await sweepContainers(engine, { fleet, isNobodys })).toEqual([gone]);
      expect(await engine.containers.inspect(gone)).toBeUndefined();
      expect(await engine.containers.inspect(wanted)).toMatchObject({ state: 'running' });

      await removeFleet(DEV_ENGINE, fleet, { volumes: false });
      expect(await engine.containers.inspect(wanted)).toBeUndefined();
      const filters = { label: [`${LABEL.fleet}=${fleet}`] };
      expect(await docker.listNetworks({ filters })).toEqual([]);
      expect((await docker.listVolumes({ filters })).Volumes).toHaveLength(1);
      await removeFleet(DEV_ENGINE, fleet, { volumes: true });
      expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
      expect(await otherEngine.containers.inspect(others)).toMatchObject({ state: 'running' });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'goes on after what cannot be removed, tells of each such thing, and keeps room all the same',
    async () => {
      const objects = createMemoryObjectStore();
      const store = createStore(objects);
      const [damaged = '', busy = '', gone = ''] = ['damaged', 'busy', 'gone'].map((label) =>
        taskIdIn(`push/demo/1/${'a'.repeat(40)}`, label),
      );
      await objects.put(`${taskKey(damaged)}/status.json`, Buffer.from('no record'));
      for (const taskId of [busy, gone]) await recordResolved(store, taskId);
      const ofRun = { [LABEL.run]: '0', [LABEL.level]: '1' };
      await create(engine, `${fleet}-a`, damaged, ofRun);
      const goneContainer = await create(engine, `${fleet}-b`, gone, ofRun);
      const docker = dockerAt(DEV_ENGINE);
      for (const [Name, task] of [
        [`${fleet}-busy`, busy],
        [`${fleet}-gone`, gone],
      ] as const)
        await docker.createVolume({
          Name,
          Labels: { [LABEL.fleet]: fleet, [LABEL.kind]: KIND.task, [LABEL.task]: task, ...ofRun },
        });
      const { Mountpoint } = await docker.getVolume(`${fleet}-busy`).inspect();
      const mounted = join(Mountpoint, 'mounted');
      await mkdir(mounted);
      await runCommand(['mount', '-t', 'tmpfs', 'slipway-test', mounted]);
      try {
        const sweeping = sweepContainers(engine, {
          fleet,
          isNobodys: (found) => isNobodys(store, found, { level: 1, lifeMs: Infinity }),
        });

        await expect(sweeping).rejects.toMatchObject({
          errors: [
            { message: expect.stringContaining(taskKey(damaged)) },
            { message: expect.stringContaining(`${fleet}-busy`) },
          ],
        });
        expect(await engine.containers.inspect(goneContainer)).toBeUndefined();
        const labels = { [LABEL.fleet]: fleet, [LABEL.kind]: KIND.task };
        expect((await engine.containers.volumes(labels)).map(({ name }) => name)).toEqual([`${fleet}-busy`]);

        const keepRoom = jest.spyOn(engine.images, 'keepRoom');
        const lines: string[] = [];
        const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
        const parts = { store, connections: { fleet }, level: 1, logger } as unknown as Parts;
        const sweeper = startSweeper(parts, engine);
        await until(() => keepRoom.mock.calls.length > 0, 20_000);
        sweeper.stop();
        expect(lines).toEqual([expect.stringContaining('The sweep failed')]);
      } finally {
        await unmountBelow([mounted]);
      }
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'removes what has no record once it is older than records live',
    async () => {
      const store = createStore(createMemoryObjectStore());
      const task = taskIdIn(`push/demo/1/${'b'.repeat(40)}`, 'collected');
      const ofRun = { [LABEL.run]: '0', [LABEL.level]: '1' };
      const left = await create(engine, `${fleet}-collected`, task, ofRun);
      const docker = dockerAt(DEV_ENGINE);
      const volume = `${fleet}-collected-data`;
      await docker.createVolume({
        Name: volume,
        Labels: { [LABEL.fleet]: fleet, [LABEL.kind]: KIND.task, [LABEL.task]: task, ...ofRun },
      });
      const sweep = (lifeMs: number): Promise<readonly string[]> =>
        sweepContainers(engine, {
          fleet,
          isNobodys: (found) => isNobodys(store, found, { level: 1, lifeMs }),
        });

      expect(await sweep(3_600_000)).toEqual([]);
      expect(await engine.containers.inspect(left)).toMatchObject({ state: 'running' });
      // Engines tell the age of a container in whole seconds.
      await delay(2_000);
      expect(await sweep(1)).toEqual(expect.arrayContaining([left, volume]));
      const filters = { label: [`${LABEL.task}=${task}`] };
      expect(await docker.listContainers({ all: true, filters })).toEqual([]);
      expect(await docker.listNetworks({ filters })).toEqual([]);
      expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'asks a store that is away about one container, not about all',
    async () => {
      for (const label of ['first', 'second'])
        await create(engine, `${fleet}-${label}`, taskIdIn(`push/demo/1/${'a'.repeat(40)}`, label), {});
      let asked = 0;
      const isNobodys = (): Promise<boolean> => {
        asked += 1;
        return Promise.reject(new StoreUnavailable('GetObject', 'bucket', 'key', 'away'));
      };

      await expect(sweepContainers(engine, { fleet, isNobodys })).rejects.toMatchObject({
        type: 'StoreUnavailable',
      });
      expect(asked).toBe(1);
    },
    TEST_TIMEOUT_MS,
  );

  async function recordResolved({ tasks }: Store, taskId: string): Promise<void> {
    const record = { version: 1, taskId, label: 't', state: 'completed', created: '', runs: [] } as const;
    await tasks.change(taskId, () => ({ ...record, runs: [] }));
  }
});
