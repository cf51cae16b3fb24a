import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import type { WorkerProcess } from '../helpers/live-stack.ts';
import { docker, outcomesOf, startWorker, statesOf, until } from '../helpers/live-stack.ts';
import { documentedWorker } from '../helpers/operate-page.ts';
import { runningProcesses } from '../helpers/running-processes.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import type { SecondEngine } from '../helpers/second-engine.ts';
import { temporaryDirectory } from '../helpers/temporary-directory.ts';
import type { TemporaryDirectory } from '../helpers/temporary-directory.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(600_000);

const exec = promisify(execFile);

/** Worker processes that know of each other only by Temporal and S3, started as docs/operate.md says. */
class Fleet implements AsyncDisposable {
  readonly #world: World;
  readonly #workers: WorkerProcess[] = [];
  readonly #homes: TemporaryDirectory[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** A machine's worker; `engine` is the one beside it. */
  async start(kind: 'control' | 'builder' | 'runner', engine?: string): Promise<WorkerProcess> {
    const { temporal, store, serverConfig, sidecarImage, runtimeDirectory } = this.#world.connections;
    const directory = await temporaryDirectory('slipway-machine-');
    this.#homes.push(directory);
    const home = directory.path;
    await cp(join(this.#world.home, 'cache'), join(home, 'cache'), { recursive: true }).catch(
      () => undefined,
    );
    const values: Record<string, string | undefined> = {
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      SLIPWAY_S3_ENDPOINT: store.endpoint,
      SLIPWAY_S3_BUCKET: store.bucket,
      AWS_ACCESS_KEY_ID: this.#world.keys[1].accessKeyId,
      AWS_SECRET_ACCESS_KEY: this.#world.keys[1].secretAccessKey,
      SLIPWAY_FLEET: this.#world.fleet,
      SLIPWAY_HOME: home,
      SLIPWAY_CONFIG: serverConfig,
      SLIPWAY_DOCKER_HOST: engine,
      SLIPWAY_SIDECAR_IMAGE: sidecarImage,
      SLIPWAY_RUNTIME_DIR: runtimeDirectory,
    };
    const documented = await documentedWorker(kind);
    const env = Object.fromEntries(
      documented.variables.map((name) => {
        const value = values[name];
        if (value === undefined) throw new Error(`${name} of docs/operate.md is nothing for a ${kind} here`);
        return [name, value];
      }),
    );
    const worker = await startWorker(1, [kind], { home, env, arguments: documented.arguments.slice(2) });
    this.#workers.push(worker);
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.filter((worker) => !worker.hasEnded()).map((worker) => worker.stop()));
    for (const home of this.#homes) await home[Symbol.asyncDispose]();
  }
}

/** An engine of another machine: its 127.0.0.1 is not ours, its id is its own, and the sidecar's image is in it. */
async function startOtherMachine(directory: string, sidecarImage: string): Promise<SecondEngine> {
  const config = join(directory, 'daemon.json');
  await writeFile(config, JSON.stringify({ 'deprecated-key-path': join(directory, 'key.json') }));
  const engine = await startSecondEngine({ ownNetwork: true, arguments: ['--config-file', config] });
  const tar = join(directory, 'sidecar.tar');
  await docker('save', '--output', tar, sidecarImage);
  await exec('docker', ['load', '--input', tar], {
    env: { ...process.env, DOCKER_HOST: `unix://${engine.socketPath}` },
  });
  await rm(tar);
  return engine;
}

describe('several machines', () => {
  it('one of each kind is killed for good in the middle: every task completes, every image is built once, nothing is lost', async () => {
    await using world = await World.open();
    await using directory = await temporaryDirectory('slipway-other-');
    await using other = await startOtherMachine(directory.path, world.connections.sidecarImage ?? '');
    await using fleet = new Fleet(world);
    const here = world.connections.runnerEngine;
    const there = `unix://${other.socketPath}`;
    const [, , builder, , runner, control] = await Promise.all([
      fleet.start('control'),
      fleet.start('builder', here),
      fleet.start('builder', there),
      fleet.start('runner', here),
      fleet.start('runner', there),
      fleet.start('control'),
    ]);
    const repository = await world.createRepository();
    const mark = randomUUID();
    const names = ['a', 'b', 'c', 'd'];
    const plain = ['p', 'q', 'r', 's', 't', 'u', 'v', 'w'];
    const slow = 'for i in 1 2 3 4 5 6 7 8 9 10; do echo line $i; sleep 3; done; echo done > /out.txt';
    const artifacts = { 'public/out.txt': { type: 'file', path: '/out.txt' } };
    const revision = await repository.commit({
      'slipway.yml': {
        version: 1,
        images: Object.fromEntries(names.map((name) => [name, { context: `docker/${name}` }])),
        tasks: {
          ...Object.fromEntries(
            plain.map((label) => [
              label,
              { image: 'debian:bookworm', command: slow, checkout: false, artifacts },
            ]),
          ),
          ...Object.fromEntries(
            names.map((name) => [
              `in-${name}`,
              { image: { 'in-tree': name }, command: `grep ${mark}-${name} /mark`, checkout: false },
            ]),
          ),
        },
      },
      ...Object.fromEntries(
        names.map((name) => [
          `docker/${name}/Dockerfile`,
          `FROM debian:bookworm\nRUN echo ${mark}-${name} > /mark && sleep 20\n`,
        ]),
      ),
    });

    const id = await world.start(repository, revision);
    const taskId = (label: string): string => `${id.replace('push/', 'task/')}/${label}`;
    // Both builders build, two images each, and both runners run.
    await until(async () => {
      const building = new Set((await runningProcesses()).match(new RegExp(`echo ${mark}-.`, 'g')) ?? []);
      return building.size === names.length;
    }, 240_000);
    const onOther = async (): Promise<string[]> => {
      const found = await other.docker.listContainers({
        all: true,
        filters: { label: ['slipway.kind=task'] },
      });
      return found.map(({ Labels }) => Labels['slipway.task'] ?? '');
    };
    await until(async () => (await onOther()).length > 0 && (await world.containers()).length > 0);
    const sidecars = await other.docker.listContainers({ filters: { label: ['slipway.kind=sidecar'] } });
    const running = (await onOther()).map((task) => task.replace(/^.*\//, ''));

    for (const worker of [builder, runner, control]) worker.kill('SIGKILL');
    const document = await world.verdict(id);

    expect(sidecars).toHaveLength(1);
    const labels = [...plain, ...names.map((name) => `in-${name}`)];
    expect(statesOf(document)).toEqual(
      Object.fromEntries(labels.sort().map((label) => [label, 'completed/completed'])),
    );
    expect(outcomesOf(document)).toEqual(Object.fromEntries(names.map((name) => [name, 'built'])));
    const lost: string[] = [];
    const workers = new Set<string | undefined>();
    for (const label of labels) {
      const { runs } = await world.live.api.task(taskId(label));
      workers.add(runs[0]?.worker);
      if (runs.length > 1) lost.push(label);
      const wasThere = runs[0]?.worker?.endsWith(`/${runner.pid}`) ?? false;
      expect([label, ...runs.map(({ reason }) => reason)]).toEqual(
        wasThere && runs.length > 1 ? [label, 'worker-lost', 'completed'] : [label, 'completed'],
      );
    }
    expect(workers.size).toBe(2);
    expect(lost).toEqual(expect.arrayContaining(running));
    for (const label of plain) {
      const lines = (await world.log(taskId(label))).split('\n').filter((line) => line.startsWith('line '));
      expect([label, ...lines]).toEqual([label, ...Array.from({ length: 10 }, (_, i) => `line ${i + 1}`)]);
      expect((await world.artifact(taskId(label), 'public/out.txt')).toString()).toBe('done\n');
    }
    for (const name of names)
      expect(
        (await world.objects('level-1/index/')).filter((key) => key.includes(`/images/${name}/`)),
      ).toHaveLength(1);
    for (const { taskId: image } of document.images) {
      const { runs } = await world.live.api.task(image);
      expect(runs.map(({ run, reason }) => [run, reason])).toEqual([[0, 'completed']]);
    }
    expect(await world.unfinishedUploads()).toEqual([]);
    expect(await world.openWorkflows()).toEqual([]);
    expect(await runningProcesses()).not.toContain(mark);

    // The machine comes back: it finds its runs superseded and removes their containers.
    expect(await onOther()).not.toEqual([]);
    await fleet.start('runner', there);
    await until(async () => (await onOther()).length === 0);
  });

  it('two builders beside one engine have sidecars of their own and build side by side', async () => {
    await using world = await World.open();
    await Promise.all([world.startWorker(), world.startWorker(1, ['builder'])]);
    const repository = await world.createRepository();
    const mark = randomUUID();
    const names = ['a', 'b', 'c', 'd'];
    const revision = await repository.commit({
      'slipway.yml': {
        version: 1,
        images: Object.fromEntries(names.map((name) => [name, { context: `docker/${name}` }])),
        tasks: Object.fromEntries(
          names.map((name) => [
            `in-${name}`,
            { image: { 'in-tree': name }, command: `grep ${mark}-${name} /mark`, checkout: false },
          ]),
        ),
      },
      ...Object.fromEntries(
        names.map((name) => [
          `docker/${name}/Dockerfile`,
          `FROM debian:bookworm\nRUN echo ${mark}-${name} > /mark && sleep 8\n`,
        ]),
      ),
    });

    const document = await world.push(repository, revision);

    expect(outcomesOf(document)).toEqual(Object.fromEntries(names.map((name) => [name, 'built'])));
    expect(document.state).toBe('completed');
    const label = `label=slipway.fleet=${world.fleet}`;
    const seats = await docker('ps', '--filter', label, '--format', '{{.Label "slipway.seat"}}');
    expect(seats.split('\n').sort()).toEqual(['0', '1']);
  });
});
