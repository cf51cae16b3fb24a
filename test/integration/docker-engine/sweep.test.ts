import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dockerAt } from '../../../docker/client.ts';
import type { Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import { removeFleet, sweepContainers } from '../../../docker/sweep.ts';
import { connectDevEngine, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';

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

  async function create(by: Engine, name: string, task: string): Promise<string> {
    await by.containers.ensureCreated(
      {
        name,
        engineImageId: 'debian:bookworm',
        command: ['sleep', '1000'],
        env: {},
        labels: { [LABEL.task]: task },
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
});
