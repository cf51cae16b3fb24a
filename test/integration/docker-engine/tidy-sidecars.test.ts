import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import { dockerAt } from '../../../docker/client.ts';
import { ensureNetwork } from '../../../docker/containers/container-network.ts';
import { idleSidecars } from '../../../docker/sidecar/idle-sidecars.ts';
import { planSidecar } from '../../../docker/sidecar/sidecar-config.ts';
import type { SidecarPlan } from '../../../docker/sidecar/sidecar-config.ts';
import { removeFleet } from '../../../docker/sweep.ts';
import type { Level } from '../../../model/pure/ids.ts';
import { tidySidecars } from '../../../workers/tidy-sidecars.ts';
import type { TidyOptions } from '../../../workers/tidy-sidecars.ts';
import { DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';

jest.setTimeout(120_000);

const DAY_MS = 24 * 3_600_000;

describe('what sidecars leave that nobody builds in', () => {
  const [fleet, otherFleet] = [testFleet(), testFleet()];
  const docker = dockerAt(DEV_ENGINE);
  let runtimeDirectory: string;
  const where = (level: Level = 1): Parameters<typeof tidySidecars>[0] => ({
    host: DEV_ENGINE,
    fleet,
    level,
    runtimeDirectory,
  });

  beforeAll(async () => {
    runtimeDirectory = await mkdtemp(join(tmpdir(), 'sw-'));
  });
  const clear = async (): Promise<void> => {
    for (const one of [fleet, otherFleet]) await removeFleet(DEV_ENGINE, one, { volumes: true });
  };
  afterEach(clear);
  afterAll(() => rm(runtimeDirectory, { recursive: true }));

  /** A container that sleeps in place of an engine, with the network, volume and directory of one. */
  async function leave(
    domain: string,
    options: {
      readonly of?: string;
      readonly level?: Level;
      readonly seat?: number;
      readonly container?: 'running' | 'stopped' | 'pruned';
    } = {},
  ): Promise<SidecarPlan> {
    const { of = fleet, level = 1, seat = 0, container: state = 'stopped' } = options;
    const plan = planSidecar({ host: DEV_ENGINE, fleet: of, domain, level, seat, runtimeDirectory });
    await mkdir(plan.directory, { recursive: true });
    await ensureNetwork(docker, plan.name, { labels: plan.labels });
    await docker.createVolume({ Name: plan.name, Labels: plan.labels });
    const container = await docker.createContainer({
      name: plan.name,
      Image: 'debian:bookworm',
      Cmd: ['sleep', '1000'],
      Labels: plan.labels,
      StopSignal: 'SIGKILL',
      HostConfig: { NetworkMode: plan.name, Binds: [`${plan.name}:/data`] },
    });
    if (state !== 'pruned') await container.start();
    if (state === 'stopped') await container.kill();
    if (state === 'stopped') await container.wait();
    if (state === 'pruned') await container.remove();
    return plan;
  }

  /** What of each there is. */
  async function present(...plans: readonly SidecarPlan[]): Promise<readonly string[]> {
    const containers = await docker.listContainers({ all: true });
    const networks = await docker.listNetworks();
    const { Volumes: volumes } = await docker.listVolumes();
    return plans.map(({ name, directory }) =>
      [
        containers.some(({ Names, State }) => Names.includes(`/${name}`) && State === 'running') && 'running',
        containers.some(({ Names, State }) => Names.includes(`/${name}`) && State !== 'running') && 'stopped',
        networks.some(({ Name }) => Name === name) && 'network',
        volumes.some(({ Name }) => Name === name) && 'data',
        existsSync(directory) && 'directory',
      ]
        .filter((what) => what !== false)
        .join(' '),
    );
  }

  function tidy(options: Partial<TidyOptions> = {}, level: Level = 1): Promise<void> {
    return tidySidecars(where(level), {
      whileUnused: (_, work) => work(),
      disk: () => Promise.resolve({ totalBytes: 100e9, freeBytes: 50e9 }),
      logger: pino({ level: 'silent' }),
      ...options,
    });
  }

  it('is stopped and has no network, and goes when it is two weeks old; what others left stays as it is', async () => {
    const left = await leave('left', { container: 'running' });
    const stopped = await leave('stopped');
    const pruned = await leave('pruned', { container: 'pruned', seat: 1 });
    const others = [
      await leave('left', { of: otherFleet, container: 'running' }),
      await leave('stopped', { of: otherFleet }),
      await leave('stopped', { level: 3 }),
    ];
    const used = await leave('used', { container: 'running' });
    const whileUnused: TidyOptions['whileUnused'] = async ({ domain }, work) => {
      if (domain !== 'used') await work();
    };

    await tidy({ whileUnused });

    expect(await present(left, stopped, pruned, used)).toEqual([
      'stopped data directory',
      'stopped data directory',
      'data directory',
      'running network data directory',
    ]);
    await tidy({ whileUnused, nowMs: Date.now() + 13 * DAY_MS });
    expect(await present(left, pruned)).toEqual(['stopped data directory', 'data directory']);
    await tidy({ whileUnused, nowMs: Date.now() + 15 * DAY_MS });
    expect(await present(left, stopped, pruned, used)).toEqual([
      '',
      '',
      '',
      'running network data directory',
    ]);
    expect(await present(...others)).toEqual([
      'running network data directory',
      'stopped network data directory',
      'stopped network data directory',
    ]);
  });

  it('is as old as its last use, which sockets tell of a volume without a container', async () => {
    const plan = await leave('pruned', { container: 'pruned' });
    const started = new Date(Date.now() + 5 * DAY_MS);
    await utimes(plan.directory, started, started);

    await tidy({ nowMs: Date.now() + 15 * DAY_MS });
    expect(await present(plan)).toEqual(['data directory']);
    await tidy({ nowMs: Date.now() + 20 * DAY_MS });
    expect(await present(plan)).toEqual(['']);
  });

  it('goes where the disk is short: that which was unused for longest, and no more than is needed', async () => {
    const first = await leave('first');
    const second = await leave('second');
    const third = await leave('third');
    const running = await leave('running', { container: 'running' });
    const whileUnused: TidyOptions['whileUnused'] = async ({ domain }, work) => {
      if (domain !== 'running' && domain !== 'first') await work();
    };
    const disk: TidyOptions['disk'] = async () => {
      const [data] = await present(second);
      return { totalBytes: 500e9, freeBytes: data === '' ? 1e9 : 1e9 - 1 };
    };

    await tidy({ whileUnused, disk });

    expect(await present(first, second, third, running)).toEqual([
      'stopped network data directory',
      '',
      'stopped data directory',
      'running network data directory',
    ]);
  });

  it('stays where it is started between the look and the removal, and where the disk cannot be seen', async () => {
    const plan = await leave('started');
    const container = docker.getContainer(plan.name);
    const [found] = await idleSidecars(where());
    await container.start();

    expect(await found!.remove()).toBe(false);
    await found!.removeNetwork();
    expect(await present(plan)).toEqual(['running network data directory']);
    expect(await idleSidecars(where())).toEqual([]);

    await container.stop();
    await tidy({ disk: () => Promise.resolve(undefined) });
    expect(await present(plan)).toEqual(['stopped data directory']);
  });

  it('goes although another one cannot be removed, which is told', async () => {
    const [stuck, other] = [await leave('stuck'), await leave('other')];
    const told: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line: string) => void told.push(line) });
    const whileUnused: TidyOptions['whileUnused'] = ({ domain }, work) =>
      domain === 'stuck' ? Promise.reject(new Error('it hangs')) : work();

    await tidy({ whileUnused, logger, nowMs: Date.now() + 15 * DAY_MS });

    expect(await present(stuck, other)).toEqual(['stopped network data directory', '']);
    expect(told).toEqual([expect.stringContaining('it hangs')]);
  });
});
