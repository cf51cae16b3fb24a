import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { JoinedStreams } from '../../../client/cli/join-shell.ts';
import { joinShell } from '../../../client/cli/join-shell.ts';
import { dockerAt } from '../../../docker/client.ts';
import type { ContainerSpec, Engine } from '../../../docker/engine.ts';
import { keptName } from '../../../docker/kept/kept-name.ts';
import { LABEL } from '../../../docker/labels.ts';
import { removeFleet, sweepContainers } from '../../../docker/sweep.ts';
import { clearSecrets, putSecrets, SECRETS_DIRECTORY } from '../../../steps/run-secrets.ts';
import { connectDevEngine, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';

jest.setTimeout(120_000);

const docker = dockerAt(DEV_ENGINE);
const fleet = testFleet();
const shells = { label: [`${LABEL.fleet}=${fleet}`, `${LABEL.kind}=shell`] };
const signal = AbortSignal.timeout(100_000);
let engine: Engine;

beforeAll(async () => {
  engine = await connectDevEngine(fleet);
});
afterAll(async () => {
  await removeFleet(DEV_ENGINE, fleet, { volumes: true });
  await engine.close();
});

type Shell = Omit<ContainerSpec, 'name' | 'engineImageId'>;

/** The container of a run whose command has ended. */
async function ended(command: string, spec: Partial<Shell> = {}, fill?: (name: string) => Promise<void>) {
  const name = `slipway-${randomBytes(4).toString('hex')}-0-x`;
  const shell: Shell = {
    env: { GIVEN: 'by the task' },
    workingDirectory: '/work',
    labels: { [LABEL.task]: name, [LABEL.run]: '0' },
    resources: { pids: 64, shmBytes: 2 ** 20, memoryBytes: 64 * 2 ** 20 },
    ...spec,
  };
  const created = { ...shell, name, engineImageId: 'debian:bookworm', command: ['sh', '-c', command] };
  await engine.containers.ensureCreated(created, signal);
  await fill?.(name);
  await engine.containers.start(name);
  await engine.containers.wait(name, signal);
  return { name, spec: shell };
}

/** What somebody types, without a terminal. */
async function typed(container: string, input: string): Promise<{ exitCode: number; printed: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const printed = text(stdout);
  stdin.end(input);
  const streams = { stdin, stdout, stderr } as unknown as JoinedStreams;
  const exitCode = await joinShell(engine, container, { signal, streams });
  stdout.end();
  return { exitCode, printed: await printed };
}

async function traces(filters: { label: string[] }): Promise<readonly string[]> {
  return [
    ...(await docker.listContainers({ all: true, filters })).map(({ Names }) => Names[0] ?? ''),
    ...(await docker.listNetworks({ filters })).map(({ Name }) => Name),
    ...(await docker.listImages({ filters: JSON.stringify(filters) })).map(({ Id }) => Id),
  ];
}

describe('a kept container', () => {
  it('has no network, runs nothing, and is found by nobody who looks for the run', async () => {
    const { name } = await ended('exit 3');

    await engine.kept.keep(name);
    await engine.kept.keep(name);

    expect(await engine.containers.inspect(name)).toBeUndefined();
    expect(await engine.containers.inspect(keptName(name))).toMatchObject({ state: 'exited', exitCode: 3 });
    expect(await docker.listNetworks({ filters: { name: [name] } })).toEqual([]);
  });

  it('is opened with the files, environment, directory, user, limits and volumes that the command had, and without a process of it', async () => {
    const labels = { [LABEL.fleet]: fleet };
    const volumes = [
      { path: '/kept-volume', labels },
      { path: '/other-volume', labels },
    ];
    const { name, spec } = await ended(
      'echo left behind > made; echo v > /kept-volume/v; echo o > /other-volume/o; sleep 1000 & exit 3',
      { volumes, network: 'none' },
    );
    await engine.kept.keep(name);

    const opened = (await engine.kept.open(name, { spec, volumes: ['/kept-volume'], signal }))!;
    const seen = await typed(
      opened.id,
      'cat made /kept-volume/v; echo "$GIVEN in $PWD"; ls /other-volume; ls /sys/class/net; id -u; echo more > made; exit 7',
    );
    const { HostConfig } = await docker.getContainer(opened.id).inspect();
    const processes = (await docker.getContainer(opened.id).top()) as { Processes: string[][] };
    await opened.close();
    const again = (await engine.kept.open(name, { spec, volumes: [], signal }))!;
    const later = await typed(again.id, 'cat made');
    await again.close();

    expect(seen).toEqual({ exitCode: 7, printed: 'left behind\nv\nby the task in /work\nlo\n0\n' });
    expect(HostConfig).toMatchObject({
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 64,
      Memory: 64 * 2 ** 20,
      NetworkMode: 'none',
    });
    expect(processes.Processes.map((columns) => columns.at(-1))).toEqual(['/bin/sh -c read -r _']);
    expect(later.printed).toBe('left behind\n');
    expect(await traces(shells)).toEqual([]);
  });

  it('has nothing left of its secrets, nor has what is made of it', async () => {
    const value = randomBytes(16).toString('hex');
    const { name, spec } = await ended(
      `cd ${SECRETS_DIRECTORY}; mkdir -p deep/er; cp TOKEN deep/er/copy; ln TOKEN linked; ln -s /etc/passwd out; exit 3`,
      { volumes: [{ path: SECRETS_DIRECTORY, labels: { [LABEL.fleet]: fleet } }] },
      (container) => putSecrets(engine, container, new Map([['TOKEN', Buffer.from(value)]]), signal),
    );
    const before = await allOf(name, SECRETS_DIRECTORY);

    await clearSecrets(engine, name, signal);
    await engine.kept.keep(name);
    const after = await allOf(keptName(name), SECRETS_DIRECTORY);
    const opened = (await engine.kept.open(name, { spec, volumes: [], signal }))!;
    const { exitCode, printed } = await typed(
      opened.id,
      `find ${SECRETS_DIRECTORY} -type f; test -s /etc/passwd`,
    );
    await opened.close();

    expect(before).toContain(value);
    expect(after).toContain('TOKEN');
    expect(after).not.toContain(value);
    expect({ exitCode, printed }).toEqual({ exitCode: 0, printed: '' });
  });

  it('lets a cache go to the next run, and goes when that purges it', async () => {
    const owner = { domain: 'd', level: 1 as const, engineImageId: 'i', run: 0 };
    const wanted = [{ name: 'c', path: '/cache', perImage: false }];
    const [first] = await engine.caches.take(wanted, { ...owner, task: 'one' }, signal);
    const { name } = await ended('echo cached > /cache/file; exit 3', {
      volumes: [{ path: '/cache', name: first!.volume, labels: first!.labels }],
    });
    await engine.kept.keep(name);
    await engine.caches.release({ task: 'one', run: 0 }, { purge: false });

    const [second] = await engine.caches.take(wanted, { ...owner, task: 'two' }, signal);
    const stayed = await engine.containers.inspect(keptName(name));
    await engine.caches.release({ task: 'two', run: 0 }, { purge: true });

    expect(second!.volume).toBe(first!.volume);
    expect(stayed).toBeDefined();
    expect(await engine.containers.inspect(keptName(name))).toBeUndefined();
    expect((await docker.listVolumes({ filters: { name: [first!.volume] } })).Volumes ?? []).toEqual([]);
  });

  it('is removed by a sweep once nobody needs it, with its volumes', async () => {
    const { name } = await ended('exit 3', {
      volumes: [{ path: '/v', labels: { [LABEL.fleet]: fleet, [LABEL.task]: 'swept', [LABEL.run]: '0' } }],
      labels: { [LABEL.task]: 'swept', [LABEL.run]: '0' },
    });
    await engine.kept.keep(name);
    const sweep = (isOver: boolean): Promise<readonly string[]> =>
      sweepContainers(engine, {
        fleet,
        isNobodys: ({ labels }) => Promise.resolve(isOver && labels[LABEL.task] === 'swept'),
      });
    const filters = { label: [`${LABEL.task}=swept`] };

    expect(await sweep(false)).toEqual([]);
    expect(await traces(filters)).toEqual([`/${keptName(name)}`]);
    expect(await sweep(true)).toEqual([keptName(name)]);
    expect(await traces(filters)).toEqual([]);
    expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
    expect(
      await engine.kept.open(name, {
        spec: { env: {}, labels: {}, resources: { pids: 1, shmBytes: 1 } },
        volumes: [],
        signal,
      }),
    ).toBeUndefined();
  });
});

/** A tar of a directory of a container, as text. */
async function allOf(name: string, path: string): Promise<string> {
  const found = await engine.containers.readPath(name, path, signal);
  return found?.type === 'directory' ? text(found.tar) : '';
}
