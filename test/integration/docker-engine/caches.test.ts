import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { CacheOwner, TakenCache } from '../../../docker/caches/engine-caches.ts';
import { dockerAt } from '../../../docker/client.ts';
import type { Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import { removeFleet, sweepContainers } from '../../../docker/sweep.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import { PlanCache } from '../../../steps/plan-cache.ts';
import { removeRun } from '../../../steps/run-volumes.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import { connectDevEngine, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';
import { aPlanOf, aPushInput } from '../../helpers/push-input.ts';

jest.setTimeout(120_000);

const IMAGE = 'debian:bookworm';
const docker = dockerAt(DEV_ENGINE);

describe('caches', () => {
  let fleet: string;
  let engine: Engine;
  let signal: AbortSignal;
  let other: Engine;

  beforeAll(() => {
    signal = AbortSignal.timeout(110_000);
  });
  const open = async (): Promise<void> => {
    fleet = testFleet();
    [engine, other] = await Promise.all([connectDevEngine(fleet), connectDevEngine(fleet)]);
  };
  const close = async (): Promise<void> => {
    await removeFleet(DEV_ENGINE, fleet, { volumes: true });
    await Promise.all([engine.close(), other.close()]);
  };
  beforeAll(open);
  afterEach(async () => {
    await close();
    await open();
  });
  afterAll(close);

  const owner = (task: string, fields: Partial<CacheOwner> = {}): CacheOwner => ({
    task,
    run: 0,
    domain: 'demo',
    level: 1,
    engineImageId: 'sha256:a',
    ...fields,
  });
  const take = async (
    by: Engine,
    task: string,
    fields: Partial<CacheOwner> & { readonly perImage?: boolean } = {},
  ): Promise<TakenCache> => {
    const { perImage = true, ...rest } = fields;
    const [taken] = await by.caches.take(
      [{ name: 'npm', path: '/cache', perImage }],
      owner(task, rest),
      signal,
    );
    return taken!;
  };
  const release = (task: string, purge = false): Promise<readonly string[]> =>
    engine.caches.release({ task, run: 0 }, { purge });

  /** A container of the run that has its cache; gives its name. */
  const mount = async (task: string, cache: TakenCache, command: string): Promise<string> => {
    const name = `${fleet}-${task}`;
    await engine.containers.ensureCreated(
      {
        name,
        engineImageId: IMAGE,
        command: ['sh', '-c', command],
        env: {},
        labels: { [LABEL.task]: task, [LABEL.run]: '0' },
        resources: { pids: 16, shmBytes: 65_536 },
        volumes: [{ path: cache.path, name: cache.volume, labels: cache.labels }],
      },
      signal,
    );
    return name;
  };
  const run = async (task: string, cache: TakenCache, command: string): Promise<string> => {
    const name = await mount(task, cache, command);
    await engine.containers.start(name);
    await engine.containers.wait(name, signal);
    const output = await text(await engine.containers.output(name, signal));
    await engine.containers.remove(name);
    return output;
  };
  const volumes = async (): Promise<readonly string[]> => {
    const { Volumes: found } = await docker.listVolumes({ filters: { label: [`${LABEL.fleet}=${fleet}`] } });
    return (found ?? []).map(({ Name }) => Name.replace(/^slipway-cache-\w+-/, '')).sort();
  };

  it('keep their content from run to run, and say since when', async () => {
    const first = await take(engine, 'one');
    expect(first).not.toHaveProperty('lastUsed');
    expect(await run('one', first, 'ls -A /cache; echo kept > /cache/file')).toBe('');
    await release('one');

    const second = await take(other, 'two');
    expect(second.volume).toBe(first.volume);
    expect(Date.now() - Date.parse(second.lastUsed!)).toBeLessThan(60_000);
    expect(await run('two', second, 'cat /cache/file')).toBe('kept\n');
    await release('two');
    expect(await volumes()).toEqual(['0', '0-used']);
  });

  it('give runs of two processes at once an instance each, and then the one that was used last', async () => {
    const tasks = Array.from({ length: 12 }, (_, number) => `task-${number}`);
    const taken = await Promise.all(tasks.map((task, at) => take(at % 2 === 0 ? engine : other, task)));
    expect(new Set(taken.map(({ volume }) => volume)).size).toBe(12);
    // A repeat has what it has.
    expect((await take(other, 'task-3')).volume).toBe(taken[3]!.volume);

    await release('task-5');
    await release('task-3');
    await release('task-7');
    expect((await take(engine, 'new')).volume).toBe(taken[7]!.volume);
    expect((await take(engine, 'newer')).volume).toBe(taken[3]!.volume);
  });

  it('are another for another name, image, level and trust domain, and one for all images where that is wished', async () => {
    const all = [
      await take(engine, 'a'),
      await take(engine, 'b', { engineImageId: 'sha256:b' }),
      await take(engine, 'c', { level: 3 }),
      await take(engine, 'd', { domain: 'demo~pr1' }),
      await take(engine, 'e', { perImage: false }),
      ...(await engine.caches.take([{ name: 'pip', path: '/pip', perImage: true }], owner('f'), signal)),
    ];
    expect(new Set(all.map(({ volume }) => volume)).size).toBe(6);
    for (const task of ['a', 'b', 'c', 'd', 'e', 'f']) await release(task);

    expect((await take(engine, 'g', { level: 3 })).volume).toBe(all[2]!.volume);
    const shared = await take(engine, 'h', { perImage: false, engineImageId: 'sha256:b' });
    expect(shared.volume).toBe(all[4]!.volume);
  });

  it('are removed by a purge, and only those of the run', async () => {
    const [one, two] = [await take(engine, 'one'), await take(engine, 'two')];
    await run('one', one, 'touch /cache/broken');
    await run('two', two, 'touch /cache/good');
    await release('two');

    expect(await release('one', true)).toEqual(['npm']);
    expect(await release('one', true)).toEqual([]);

    expect(await volumes()).toEqual(['1', '1-used']);
    expect(await run('three', await take(engine, 'three'), 'ls /cache')).toBe('good\n');
    expect(await take(engine, 'four')).not.toHaveProperty('lastUsed');
  });

  it('in use stay with their container, also when `docker volume prune` has taken the hold away', async () => {
    const cache = await take(engine, 'one');
    const name = await mount('one', cache, 'sleep 1000');
    await docker.getVolume(`${cache.volume}-held`).remove();

    expect((await take(other, 'two')).volume).not.toBe(cache.volume);
    await engine.containers.remove(name);
    expect((await take(other, 'three')).volume).toBe(cache.volume);
  });

  it('of a run that is nobody’s any more are given back by the sweep, those of others are not', async () => {
    const isNobodys = ({ labels }: { labels: Readonly<Record<string, string>> }): Promise<boolean> =>
      Promise.resolve(labels[LABEL.task] === 'gone');
    const [gone, here] = [await take(engine, 'gone'), await take(engine, 'here')];
    await mount('gone', gone, 'true');
    await docker.createVolume({
      Name: `${fleet}-of-an-artifact`,
      Labels: { [LABEL.fleet]: fleet, [LABEL.kind]: 'task', [LABEL.task]: 'gone', [LABEL.run]: '0' },
    });

    const removed = await sweepContainers(engine, { fleet, isNobodys });

    expect([...removed].sort()).toEqual(
      [`${fleet}-gone`, `${fleet}-of-an-artifact`, `${gone.volume}-held`].sort(),
    );
    expect((await take(other, 'next')).volume).toBe(gone.volume);
    expect((await take(other, 'after')).volume).not.toBe(here.volume);
  });

  it('are removed by the sweep where the end of their run says so', async () => {
    const isNobodys = (): Promise<boolean> => Promise.resolve(true);
    const purgesCaches = ({ labels }: { labels: Readonly<Record<string, string>> }): Promise<boolean> =>
      Promise.resolve(labels[LABEL.task] === 'spoilt');
    const [spoilt, good] = [await take(engine, 'spoilt'), await take(engine, 'good')];
    for (const [task, cache] of [
      ['spoilt', spoilt],
      ['good', good],
    ] as const)
      await mount(task, cache, 'true');

    await sweepContainers(engine, { fleet, isNobodys, purgesCaches });

    expect(await volumes()).toEqual(['1', '1-used']);
    expect((await take(other, 'next')).volume).toBe(good.volume);
  });

  it('go with what else a run has left, where its exit code says so', async () => {
    const plannedAt = '2026-01-02T03:04:05.000Z';
    const file =
      'version: 1\ntasks: { one: { image: debian, cache: { npm: /cache }, onExitStatus: { purgeCaches: [3] } } }\n';
    const plan = aPlanOf(aPushInput(), { plannedAt, file });
    const plans = new PlanCache(emptyStore());
    plans.hold(plan);
    const { pushId } = plan;
    const taskId = taskIdIn(pushId, 'one');
    const task = { pushId, taskId, plannedAt, label: 'one', level: 1, firstRun: 0, retries: 0 } as const;
    const input = { task: { ...task, deadlineSeconds: 1, maxRunTimeSeconds: 1 }, run: 0 };

    await take(engine, taskId);
    await removeRun({ engine, plans, fleet }, input);
    expect(await volumes()).toEqual(['0', '0-used']);
    await take(engine, taskId);
    await removeRun({ engine, plans, fleet }, input, 3);
    expect(await volumes()).toEqual([]);
  });
});
