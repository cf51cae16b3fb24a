import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { diagnose } from '../../../client/cli/doctor/diagnose.ts';
import { dockerAt } from '../../../docker/client.ts';
import { KIND, LABEL } from '../../../docker/labels.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import { diagnosesSchema } from '../../../model/schema/diagnosis.ts';
import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
import { canConnect } from '../../../stack/can-connect.ts';
import { choosePorts } from '../../../stack/choose-ports.ts';
import { lookAtEngine } from '../../../stack/doctor/look-at-engine.ts';
import { lookAtMachine } from '../../../stack/doctor/look-at-machine.ts';
import { engineNetwork, ensureEngineNetwork } from '../../../stack/engine-network.ts';
import { identifyProcess } from '../../../stack/process-identity.ts';
import { CommandFailed, runCommand } from '../../../stack/run-command.ts';
import { findSettings } from '../../../stack/settings.ts';
import { statePaths } from '../../../stack/state-directory.ts';
import { startAlteredEngine } from '../../helpers/altered-engine.ts';
import { startAnsweringGrpcServer } from '../../helpers/answering-grpc-server.ts';
import { cleanEnv, diagnosisOf, wrongParts } from '../../helpers/diagnoses.ts';
import { startLaxS3Server } from '../../helpers/lax-s3-server.ts';
import { liveConnections, until } from '../../helpers/live-stack.ts';
import { requireEnv } from '../../helpers/require-env.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import { mountSmallDisk } from '../../helpers/small-disk.ts';
import { World } from '../../helpers/world.ts';

jest.setTimeout(300_000);

const SLIPWAY = fileURLToPath(new URL('../../../bin/slipway', import.meta.url));
const TEMPORAL = requireEnv('SLIPWAY_TEST_TEMPORAL_CLI', 'the Temporal CLI');

let world: World;
let suite: Connections;

beforeAll(async () => {
  world = await World.open({ via: ['store', 'temporal', 'engine'], base: false });
  suite = await liveConnections();
});

afterAll(() => world[Symbol.asyncDispose]());

/** What doctor says of the world, with these connections changed. */
async function doctor(change: Partial<Connections> = {}): Promise<readonly Diagnosis[]> {
  const path = join(world.home, 'stack.json');
  await writeFile(path, JSON.stringify({ ...world.connections, ...change }));
  return diagnose({ stateDirectory: world.home, env: cleanEnv });
}

async function operate(...args: string[]): Promise<void> {
  const { address, namespace } = { ...suite.temporal, namespace: world.connections.temporal.namespace };
  const where = ['--address', address, '--namespace', namespace];
  await runCommand([TEMPORAL, 'operator', ...args, ...where], { env: cleanEnv });
}

describe('doctor on a stack that runs', () => {
  it('finds all well, and tells versions, places and abilities', async () => {
    const workers = [await world.startWorker(1), await world.startWorker(3)];
    await writeFile(join(world.home, 'up.json'), JSON.stringify(await identifyProcess(process.pid)));
    // What its control workers write when they start.
    const noted = ['level-1/platform.json', 'level-3/platform.json'];
    await until(async () => (await world.objects()).length === noted.length);
    const schedule = world.temporal.schedule.getHandle('gc-1');
    await until(() =>
      schedule
        .trigger()
        .then(() => true)
        .catch(() => false),
    );
    await until(async () => (await schedule.describe()).info.recentActions.length > 0);
    const [collection] = (await schedule.describe()).info.recentActions;
    await world.temporal.workflow.getHandle(collection!.action.workflow.workflowId).result();

    const diagnoses = await doctor();

    expect(wrongParts(diagnoses)).toEqual([]);
    expect(diagnosisOf('temporal', diagnoses)).toMatchObject({
      version: expect.stringMatching(/^\d+\./),
      where: world.connections.temporal.address,
    });
    expect(diagnosisOf('priorities', diagnoses).message).toBe('are kept');
    expect(diagnosisOf('retention', diagnoses).message).toMatch(
      /^closed workflows are kept for \d+ (days|hours)$/,
    );
    expect(diagnosisOf('collections', diagnoses).message).toMatch(/^level 1: ended [\d.]+ s ago; level 3: /);
    expect(diagnosisOf('queues', diagnoses).message).toBe(
      'control-1, builder-1, runner-1, control-3, builder-3, runner-3 are polled',
    );
    const { stdout: commit } = await promisify(execFile)('git', ['rev-parse', '--short=12', 'HEAD']);
    const names = workers.map(({ pid }) => `${hostname()}/${pid}`).sort();
    expect(diagnosisOf('workers', diagnoses).message).toBe(`${commit.trim()}: ${names.join(', ')}`);
    expect(diagnosisOf('s3', diagnoses).message).toMatch(
      /^answers, bucket w-.*; keeps conditions, verifies checksums$/,
    );
    expect(diagnosisOf('engine', diagnoses)).toMatchObject({
      version: expect.stringMatching(/^\d+\./),
      message: expect.stringMatching(/^answers; keeps images in \w+, cgroup v[12]$/),
    });
    expect(diagnosisOf('image transport', diagnoses).message).toContain('only what is missing moves');
    expect(diagnosisOf('engine images', diagnoses)).toMatchObject({
      message: expect.stringMatching(/^(no|\d+) images? of Slipway there take .* are allowed$/),
      bytes: expect.any(Number),
      budgetBytes: expect.any(Number),
    });
    expect(diagnosisOf('stored blobs', diagnoses)).toMatchObject({ bytes: expect.any(Number) });
    expect(diagnosisOf('sidecars', diagnoses).message).toMatch(/^can run, (privileged|with single rights)$/);
    expect(diagnosisOf('clocks', diagnoses).message).toBe(
      "of Temporal, the store, the engine agree with this machine's",
    );
    for (const part of ['node', 'git', 'disk', 'cache', 'engine disk', 'search attributes'])
      expect(diagnosisOf(part, diagnoses).ok).toBe(true);
    // It has tried things out and left nothing of them.
    await until(async () => (await world.openWorkflows()).length === 0);
    expect(await world.objects()).toEqual(noted);
    await until(async () => (await world.containers()).length === 0);

    await Promise.all(workers.map((worker) => worker.stop()));
  });

  it('says that parts do not answer, with their logs, and exits with 3', async () => {
    for (const part of ['store', 'temporal', 'engine'] as const) await world.proxy(part).refuse();

    const diagnoses = await doctor();

    expect(diagnosisOf('s3', diagnoses)).toMatchObject({
      ok: false,
      message: 'accepts no connection',
      where: world.connections.store.endpoint,
      todo: expect.stringMatching(/^Look into .*\/logs\/s3\.log, then type: slipway down && slipway up$/),
    });
    expect(diagnosisOf('temporal', diagnoses)).toMatchObject({
      ok: false,
      message: `does not answer: connect ECONNREFUSED ${world.connections.temporal.address}`,
    });
    expect(diagnosisOf('engine', diagnoses)).toMatchObject({
      ok: false,
      where: world.connections.runnerEngine,
    });
    const run = await runCommand([SLIPWAY, 'doctor', '--json'], {
      env: { ...cleanEnv, SLIPWAY_HOME: world.home },
    }).catch((error: unknown) => error);
    expect(run).toBeInstanceOf(CommandFailed);
    expect((run as CommandFailed).exitCode).toBe(3);
    const parsed = diagnosesSchema.parse(JSON.parse((run as CommandFailed).lastLines));
    expect(wrongParts(parsed)).toEqual(wrongParts(diagnoses));
    for (const part of ['store', 'temporal', 'engine'] as const) world.proxy(part).hang();
    const silent = await doctor();
    expect(diagnosisOf('s3', silent)).toMatchObject({
      ok: false,
      message: 'accepts connections, but does not answer within 20 s',
    });
    expect(diagnosisOf('temporal', silent).message).toBe('does not answer: no answer in time');
    expect(diagnosisOf('engine', silent).ok).toBe(false);
    for (const part of ['store', 'temporal', 'engine'] as const) world.proxy(part).pass();
  });

  it('says that the bucket is gone, that keys are wrong, and what a store does not keep', async () => {
    const { store } = world.connections;
    expect(diagnosisOf('s3', await doctor({ store: { ...store, bucket: 'slipway-no-such' } }))).toMatchObject(
      {
        message: 'answers, but the bucket slipway-no-such is gone, and with it images, artifacts and records',
        todo: expect.stringContaining('slipway down && slipway up'),
      },
    );
    for (const wrong of [{ accessKeyId: 'nobody' }, { secretAccessKey: 'wrong' }])
      expect(diagnosisOf('s3', await doctor({ store: { ...store, ...wrong } }))).toMatchObject({
        message: expect.stringMatching(/^answers, but refuses the keys \(\w+\)$/),
        todo: expect.stringContaining('AWS_ACCESS_KEY_ID'),
      });

    await using lax = await startLaxS3Server(() => new Date(Date.now() + 25 * 60_000));
    const diagnoses = await doctor({ store: { ...store, endpoint: lax.endpoint } });

    expect(diagnosisOf('s3', diagnoses)).toMatchObject({
      ok: false,
      message:
        'does not refuse to overwrite (If-None-Match), does not keep conditions (If-Match), does not verify checksums',
      todo: expect.stringContaining('SLIPWAY_S3_ENDPOINT'),
    });
    expect(diagnosisOf('clocks', diagnoses)).toMatchObject({
      ok: false,
      message: "the clock of the store is 25 min ahead of this machine's",
      todo: expect.stringContaining('timedatectl'),
    });
  });

  it('says that Temporal does not take our credentials, in its words', async () => {
    await using server = await startAnsweringGrpcServer(7, 'Request unauthorized.');
    const temporal = { ...world.connections.temporal, address: server.address };

    expect(diagnosisOf('temporal', await doctor({ temporal }))).toMatchObject({
      ok: false,
      where: server.address,
      message: 'answers, but refuses who we are: Request unauthorized.',
      todo: expect.stringContaining('TEMPORAL_API_KEY'),
    });
  });

  it('says that namespace or search attributes are missing and that workflows are forgotten too soon, with what to type', async () => {
    const { temporal } = world.connections;
    const nowhere = await doctor({ temporal: { ...temporal, namespace: 'no-such' } });
    expect(diagnosisOf('temporal', nowhere)).toMatchObject({
      message: 'answers, but has no namespace no-such',
      todo: `Type: temporal operator namespace create --address ${temporal.address} --namespace no-such --retention 168h`,
    });

    const apart = await doctor({ temporal: { ...temporal, namespaces: { 3: 'also-not' } } });
    expect(diagnosisOf('temporal', apart).message).toBe('answers, but has no namespace also-not');

    await operate('search-attribute', 'remove', '--name', 'SlipwayLevel', '--yes');
    await operate('namespace', 'update', '--retention', '5h');
    let diagnoses = await doctor();
    expect(diagnosisOf('search attributes', diagnoses)).toMatchObject({
      message: 'without SlipwayLevel no push can be started',
      todo: `Type: temporal operator search-attribute create --address ${temporal.address} --namespace ${temporal.namespace} --name SlipwayLevel --type Int`,
    });
    expect(diagnosisOf('retention', diagnoses)).toMatchObject({
      message: expect.stringContaining('are kept for 5 hours; then'),
      todo: expect.stringContaining('--retention 168h'),
    });

    // What it says to type mends it.
    for (const part of ['search attributes', 'retention'])
      await runCommand([TEMPORAL, ...diagnosisOf(part, diagnoses).todo!.split(' ').slice(2)] as [string], {
        env: cleanEnv,
      });
    await until(async () => diagnosisOf('search attributes', (diagnoses = await doctor())).ok);
    expect(diagnosisOf('retention', diagnoses).message).toBe('closed workflows are kept for 7 days');
  });

  it('says that a Temporal server does not keep priorities', async () => {
    const { port } = await choosePorts(['port'], {});
    const server = spawn(
      TEMPORAL,
      [
        'server',
        'start-dev',
        '--headless',
        '--ip',
        '127.0.0.1',
        '--port',
        String(port),
        '--log-level',
        'error',
      ],
      { env: cleanEnv, stdio: 'ignore' },
    );
    try {
      await until(() => canConnect(`127.0.0.1:${port}`, 1_000));
      const temporal = { address: `127.0.0.1:${port}`, namespace: 'default' };
      await until(async () => diagnosisOf('temporal', await doctor({ temporal })).ok);

      expect(diagnosisOf('priorities', await doctor({ temporal }))).toMatchObject({
        ok: false,
        message: 'are switched off in Temporal: urgent tasks wait with all others',
        todo: expect.stringContaining('matching.enableFairness=true'),
      });
    } finally {
      server.kill();
      await once(server, 'exit');
    }
  });

  it('says that sidecars have no image, or not the rights they need, and where builds go otherwise', async () => {
    const docker = dockerAt(suite.runnerEngine);
    await docker.getImage(suite.sidecarImage!).tag({ repo: 'slipway.invalid/doctor', tag: world.fleet });
    const sidecarImage = `slipway.invalid/doctor:${world.fleet}`;
    await docker.getImage(sidecarImage).remove();
    expect(diagnosisOf('sidecars', await doctor({ sidecarImage }))).toMatchObject({
      message: 'their image is not in the engine (removed by hand?)',
      where: sidecarImage,
      todo: 'Type: slipway down && slipway up',
    });
    expect(diagnosisOf('sidecars', await doctor({ sidecarImage: undefined }))).toMatchObject({
      message: 'there is no image for them',
    });

    const Name = `${world.fleet}-stopped`;
    const labels = { [LABEL.fleet]: world.fleet, [LABEL.kind]: KIND.sidecar, [LABEL.level]: '1' };
    await docker.createVolume({ Name, Labels: labels });
    expect(diagnosisOf('sidecars', await doctor()).message).toMatch(
      /^can run, (privileged|with single rights); stopped, with their data: 1$/,
    );
    await docker.getVolume(Name).remove();

    await using careful = await startAlteredEngine(suite.runnerEngine.replace('unix://', ''), world.home, {
      refuse: (method, url, body) =>
        method === 'POST' && url.includes('/containers/create') && /"Privileged":true|"CapAdd"/.test(body)
          ? 'authorization denied by plugin'
          : undefined,
      change: (url, answer) =>
        url.endsWith('/info')
          ? { ...answer, SystemTime: new Date(Date.now() - 90_000).toISOString() }
          : answer,
    });
    const refused = await doctor({ runnerEngine: careful.address });
    expect(diagnosisOf('sidecars', refused)).toMatchObject({
      message: expect.stringContaining('(SYS_ADMIN, NET_ADMIN): authorization denied by plugin'),
      todo: expect.stringContaining('SLIPWAY_BUILDER_DOCKER_HOST'),
    });
    expect(diagnosisOf('clocks', refused).message).toBe(
      "the clock of the engine is 90 s behind this machine's",
    );

    const builderEngine = world.connections.runnerEngine;
    expect(diagnosisOf('builds', await doctor({ builderEngine }))).toMatchObject({
      ok: true,
      message: expect.stringContaining('share the results of RUN in its cache'),
    });
    expect(diagnosisOf('builds', await doctor({ builderEngine: 'unix:///no/such.sock' }))).toMatchObject({
      ok: false,
      where: 'unix:///no/such.sock',
      todo: 'Start that engine, or unset SLIPWAY_BUILDER_DOCKER_HOST',
    });
  });

  it('says that an engine is too old, and that the private one has lost its firewall rules', async () => {
    await using old = await startAlteredEngine(suite.runnerEngine.replace('unix://', ''), world.home, {
      change: (url, answer) => (url.endsWith('/version') ? { ...answer, Version: '19.3.1' } : answer),
    });
    expect(diagnosisOf('engine', await doctor({ runnerEngine: old.address }))).toMatchObject({
      ok: false,
      message: 'is older than 20',
      version: '19.3.1',
    });

    const paths = statePaths(suite.stateDirectory);
    const { engineOctet } = (await findSettings(paths))!;
    const network = engineNetwork(paths, engineOctet!);
    const look = () => lookAtEngine({ address: suite.runnerEngine, paths, env: cleanEnv, todo: '' });
    expect(diagnosisOf('engine network', await look()).ok).toBe(true);
    await runCommand(['iptables', '--wait', '-D', 'FORWARD', '-j', network.chain]);
    try {
      expect(diagnosisOf('engine network', await look())).toMatchObject({
        ok: false,
        message: expect.stringContaining('firewall rules of the private engine are gone'),
        todo: 'Type: slipway down && slipway up',
      });
    } finally {
      await ensureEngineNetwork(network, { env: process.env });
    }
  });

  it('says that the disk of the engine is nearly full', async () => {
    await using disk = await mountSmallDisk('64m');
    await using engine = await startSecondEngine({ dataRoot: disk.path });

    const diagnoses = await doctor({ runnerEngine: `unix://${engine.socketPath}` });

    expect(diagnosisOf('engine', diagnoses).ok).toBe(true);
    expect(diagnosisOf('engine disk', diagnoses)).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^only 0\.\d GiB free; images need at least 5$/),
      where: disk.path,
      todo: `Free space there: docker --host unix://${engine.socketPath} system prune`,
    });
  });

  it('says that its process was killed, that a part of it has died, and that its record is broken', async () => {
    const gone = { pid: 4_000_000, started: 'long ago' };
    await writeFile(join(world.home, 'up.json'), JSON.stringify(gone));
    await writeFile(join(world.home, 'processes.json'), JSON.stringify([{ name: 'worker-1', ...gone }]));

    const diagnoses = await doctor();

    expect(diagnosisOf('stack', diagnoses)).toMatchObject({
      message: 'the process that ran it was killed; its parts may still run',
      todo: 'Type: slipway up (it cleans up first), or: slipway down',
    });
    expect(diagnosisOf('process worker-1', diagnoses)).toMatchObject({
      message: 'process 4000000 has died',
      todo: expect.stringContaining('logs/worker-1.log'),
    });

    await writeFile(join(world.home, 'stack.json'), '{');
    const broken = await diagnose({ stateDirectory: world.home, env: cleanEnv });
    expect(diagnosisOf('stack', broken)).toMatchObject({
      ok: false,
      message: expect.stringContaining('is not what Slipway wrote'),
      todo: 'Type: slipway down && slipway up',
    });
  });

  it('says what is wrong in the configuration, in one line, and which levels it wants served', async () => {
    const { serverConfig } = world.connections;
    const before = await readFile(serverConfig, 'utf8').catch(() => undefined);
    const write = (text: string): Promise<void> => writeFile(serverConfig, text);
    await write('version: 1\nprojects: [');
    expect(diagnosisOf('configuration', await doctor())).toMatchObject({
      ok: false,
      where: serverConfig,
      message: expect.stringMatching(/^[^/]*line 2/),
      todo: `Mend ${serverConfig}`,
    });
    await write(
      'version: 1\nprojects: { demo: { sources: [{ repository: "file:///x", refs: { main: 9 } }] } }',
    );
    expect(diagnosisOf('configuration', await doctor()).message).toMatch(/main/);
    await write(
      'version: 1\nprojects: { demo: { sources: [{ repository: "file:///x", refs: { main: 2 } }] } }',
    );
    const diagnoses = await doctor();
    expect(diagnosisOf('configuration', diagnoses).message).toBe(
      'names 1 project; other local repositories have level 1',
    );
    expect(diagnosisOf('queues', diagnoses).message).toMatch(
      /^nobody polls .*runner-2.*: what is sent there waits$/,
    );
    expect(diagnosisOf('queues', diagnoses).todo).toMatch(/by hand: .*slipway worker all --level 2/);
    const lost = await diagnose({
      stateDirectory: world.home,
      env: { ...cleanEnv, SLIPWAY_CONFIG: '/no/such.yml' },
    });
    expect(diagnosisOf('configuration', lost)).toMatchObject({
      ok: false,
      where: '/no/such.yml',
      message: 'is not there',
    });
    if (before === undefined) await rm(serverConfig);
    else await write(before);
  });

  it('says that queues are polled no more once their workers have ended', async () => {
    // The server lists them on for a while.
    await until(async () => !diagnosisOf('queues', await doctor()).ok);

    expect(diagnosisOf('queues', await doctor()).message).toContain(
      'nobody polls control-1, builder-1, runner-1',
    );
  });
});

describe('doctor on the machine', () => {
  it('says that Node is too old, git is missing and the disk is full', async () => {
    await using disk = await mountSmallDisk('1m');
    const root = join(disk.path, 'not yet made');
    const diagnoses = await lookAtMachine(root, { ...cleanEnv, PATH: '/nowhere' }, '22.1.0');

    expect(diagnosisOf('node', diagnoses)).toMatchObject({
      ok: false,
      message: 'Node 22.1.0 is too old; 24 is needed',
      todo: expect.stringContaining('npm run setup'),
    });
    expect(diagnosisOf('git', diagnoses)).toMatchObject({
      ok: false,
      message: 'git is missing',
      todo: 'Install git',
    });
    expect(diagnosisOf('disk', diagnoses)).toMatchObject({
      ok: false,
      message: 'only 0.0 GiB free; images need at least 5',
      where: root,
      todo: expect.stringContaining('SLIPWAY_HOME'),
    });
  });

  it('says that the disk has place for few files only, however empty it is', async () => {
    await using disk = await mountSmallDisk('8g', 40_000);
    const diagnoses = await lookAtMachine(disk.path, cleanEnv);

    expect(diagnosisOf('disk', diagnoses)).toMatchObject({
      ok: false,
      message: expect.stringMatching(
        /^8\.0 GiB free, but only 39\d+ of 40000 inodes: images have many small files$/,
      ),
      where: disk.path,
      todo: expect.stringContaining('SLIPWAY_HOME'),
    });
  });
});
