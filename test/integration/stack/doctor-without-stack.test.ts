import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { diagnose } from '../../../client/cli/doctor/diagnose.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import { diagnosesSchema } from '../../../model/schema/diagnosis.ts';
import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
import { widePath } from '../../../stack/find-program.ts';
import { CommandFailed, runCommand } from '../../../stack/run-command.ts';
import { cleanEnv, diagnosisOf, wrongParts } from '../../helpers/diagnoses.ts';
import { liveConnections } from '../../helpers/live-stack.ts';
import { World } from '../../helpers/world.ts';

jest.setTimeout(300_000);

const SLIPWAY = fileURLToPath(new URL('../../../bin/slipway', import.meta.url));

let suite: Connections;

beforeAll(async () => {
  suite = await liveConnections();
});

describe('doctor where no stack runs', () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'slipway döctor '));
  });
  afterAll(() => rm(home, { recursive: true }));

  const without = (more: NodeJS.ProcessEnv = {}): Promise<readonly Diagnosis[]> =>
    diagnose({ stateDirectory: join(home, 'state'), env: { ...cleanEnv, HOME: home, ...more } });

  it('says what up takes, starts or builds', async () => {
    const diagnoses = await diagnose({ stateDirectory: join(home, 'state'), env: cleanEnv });
    expect(wrongParts(diagnoses)).toEqual([]);
    expect(diagnosisOf('stack', diagnoses).message).toBe('does not run; to start it, type: slipway up');
    expect(diagnosisOf('temporal', diagnoses)).toMatchObject({
      where: expect.any(String),
      message: expect.stringContaining('up starts it'),
    });
    expect(diagnosisOf('configuration', diagnoses).message).toBe('is written by the first up');
    expect(diagnosisOf('ports', diagnoses).message).toBe('are chosen by up');

    // In place of a Go that this machine may have or not.
    const go = join(home, 'bin', 'go');
    await mkdir(join(home, 'bin'));
    await writeFile(go, '#!/bin/sh\n', { mode: 0o755 });
    const bare = await without({ SLIPWAY_DOWNLOADS: 'none', PATH: `${join(home, 'bin')}:/usr/bin:/bin` });
    expect(diagnosisOf('s3', bare).where).toBe(go);
    expect(diagnosisOf('s3', bare).message).toMatch(/^up builds the S3 server versitygw v[\d.]+ with Go/);

    await mkdir(join(home, 'state'));
    const port = Number(new URL(suite.store.endpoint!).port);
    const settings = { version: 1, fleet: 'f', accessKeyId: 'a', secretAccessKey: 's', ports: { s3: port } };
    await writeFile(join(home, 'state', 'settings.json'), JSON.stringify(settings));
    expect(diagnosisOf('ports', await without()).message).toBe(
      `${port} (s3) of the last up are taken by another program; up takes others`,
    );
  });

  /** What doctor says where some programs are hidden from it, wherever it looks for them. */
  async function withoutPrograms(...names: readonly string[]): Promise<readonly Diagnosis[]> {
    const hidden = names.flatMap((name) =>
      widePath({ PATH: '/usr/bin:/bin' })
        .split(delimiter)
        .map((directory) => join(directory, name)),
    );
    const hide = `for place in ${hidden.join(' ')}; do [ ! -e $place ] || mount --bind /dev/null $place; done; exec "$0" doctor --json`;
    const run = await runCommand(['unshare', '--mount', 'sh', '-c', hide, SLIPWAY], {
      env: {
        ...cleanEnv,
        HOME: home,
        PATH: '/usr/bin:/bin',
        SLIPWAY_DOWNLOADS: 'none',
        SLIPWAY_HOME: join(home, 'other'),
      },
    }).catch((error: unknown) => error);

    expect(run).toBeInstanceOf(CommandFailed);
    return diagnosesSchema.parse(JSON.parse((run as CommandFailed).lastLines));
  }

  it('says that a tool is missing where it can be neither downloaded nor built', async () => {
    const diagnoses = await withoutPrograms('go');

    for (const part of ['temporal', 's3'])
      expect(diagnosisOf(part, diagnoses)).toMatchObject({
        ok: false,
        message: expect.stringMatching(
          /is missing, cannot be downloaded, and there is no Go to build it with$/,
        ),
        todo: expect.stringContaining('install Go'),
      });
  });

  it("says that up installs the distribution's engine, or that nothing can install one", async () => {
    // Without Go too, so that there is something wrong in each.
    expect(diagnosisOf('engine', await withoutPrograms('go', 'dockerd'))).toMatchObject({
      ok: true,
      message: "none is there; up installs the distribution's packages and starts a private one",
    });
    expect(diagnosisOf('engine', await withoutPrograms('go', 'dockerd', 'apt-get'))).toMatchObject({
      ok: false,
      message: 'no engine answers, and there is no apt-get to install one',
      todo: expect.stringContaining('Install Docker'),
    });
  });

  it('looks at a Temporal, a store and an engine that are given', async () => {
    const { store, temporal, runnerEngine } = suite;
    const given = {
      TEMPORAL_ADDRESS: temporal.address,
      SLIPWAY_S3_ENDPOINT: store.endpoint,
      AWS_ACCESS_KEY_ID: store.accessKeyId,
      AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
      DOCKER_HOST: runnerEngine,
    };
    const diagnoses = await without(given);
    expect(wrongParts(diagnoses)).toEqual([]);
    expect(diagnosisOf('temporal', diagnoses)).toMatchObject({
      version: expect.stringMatching(/^\d+\./),
      where: temporal.address,
    });
    expect(diagnosisOf('s3', diagnoses).message).toMatch(/^answers, bucket slipway;/);
    const bucket = { SLIPWAY_S3_BUCKET: 'not-yet-made', TEMPORAL_ADDRESS: '' };
    expect(diagnosisOf('s3', await without({ ...given, ...bucket })).message).toBe(
      'answers; up makes the bucket not-yet-made',
    );
    expect(diagnosisOf('engine', diagnoses).message).toContain('answers (DOCKER_HOST)');

    const wrong = await without({
      ...given,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      SLIPWAY_S3_ENDPOINT: 'http://127.0.0.1:1',
      DOCKER_HOST: 'unix:///no/such.sock',
    });
    expect(diagnosisOf('temporal', wrong)).toMatchObject({
      ok: false,
      todo: expect.stringContaining('TEMPORAL_ADDRESS'),
    });
    expect(diagnosisOf('s3', wrong)).toMatchObject({
      ok: false,
      todo: expect.stringContaining('SLIPWAY_S3_ENDPOINT'),
    });
    expect(diagnosisOf('engine', wrong)).toMatchObject({
      ok: false,
      message: expect.stringContaining('unix:///no/such.sock (DOCKER_HOST) cannot be used'),
    });
    expect(diagnosisOf('s3', await without({ ...given, AWS_SECRET_ACCESS_KEY: '' }))).toMatchObject({
      ok: false,
      message: expect.stringContaining('Only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set'),
    });
  });
});

describe('doctor where workers are run by hand, and the environment names the parts', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open({ base: false });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  /** What doctor says on a machine that has the environment of docs/operate.md and no stack. */
  function doctor(more: NodeJS.ProcessEnv = {}): Promise<readonly Diagnosis[]> {
    const { temporal, store, runnerEngine, sidecarImage, fleet, serverConfig } = world.connections;
    const named = {
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      SLIPWAY_S3_ENDPOINT: store.endpoint,
      SLIPWAY_S3_BUCKET: store.bucket,
      AWS_ACCESS_KEY_ID: store.accessKeyId,
      AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
      SLIPWAY_DOCKER_HOST: runnerEngine,
      SLIPWAY_SIDECAR_IMAGE: sidecarImage,
      SLIPWAY_FLEET: fleet,
      SLIPWAY_CONFIG: serverConfig,
    };
    const env = { ...cleanEnv, ...named, ...more };
    return diagnose({ stateDirectory: join(world.home, 'nobody has started one here'), env });
  }

  const todosOf = (diagnoses: readonly Diagnosis[]): string =>
    diagnoses.flatMap(({ todo = [] }) => todo).join('\n');

  it('looks at all of them as where a stack runs, and says whom to start', async () => {
    await writeFile(world.connections.serverConfig, 'version: 1\n');
    const without = await doctor();
    expect(wrongParts(without)).toEqual(['queues']);
    expect(diagnosisOf('queues', without)).toMatchObject({
      message: 'nobody polls control-1, builder-1, runner-1: what is sent there waits',
      todo: 'Start workers: slipway worker all --level 1',
    });
    const looked = ['search attributes', 'retention', 'priorities', 'collections', 's3', 'stored blobs'];
    for (const part of [...looked, 'pushes', 'engine', 'image transport', 'sidecars', 'clocks'])
      expect(diagnosisOf(part, without).ok).toBe(true);
    expect(diagnosisOf('stack', without).message).toBe(
      'none runs here; the environment names Temporal and the store',
    );

    const worker = await world.startWorker(1);
    expect(wrongParts(await doctor())).toEqual([]);
    await worker.stop();
  });

  it('says what is missing without speaking of a stack that could be started again', async () => {
    const { temporal } = world.connections;
    const diagnoses = await doctor({
      SLIPWAY_S3_BUCKET: 'not-there',
      TEMPORAL_NAMESPACE: 'no-such',
      SLIPWAY_SIDECAR_IMAGE: 'slipway.invalid/sidecar:gone',
    });
    expect(diagnosisOf('s3', diagnoses)).toMatchObject({
      ok: false,
      message: 'answers, but has no bucket not-there',
      todo: expect.stringContaining('SLIPWAY_S3_BUCKET'),
    });
    expect(diagnosisOf('temporal', diagnoses).message).toBe('answers, but has no namespace no-such');
    expect(diagnosisOf('sidecars', diagnoses)).toMatchObject({
      ok: false,
      todo: expect.stringContaining(`SLIPWAY_DOCKER_HOST=${world.connections.runnerEngine} npm run setup`),
    });

    const away = await doctor({
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      SLIPWAY_S3_ENDPOINT: 'http://127.0.0.1:1',
      SLIPWAY_DOCKER_HOST: 'unix:///no/such.sock',
    });
    expect(wrongParts(away)).toEqual(['temporal', 's3', 'engine']);
    expect(diagnosisOf('temporal', away)).toMatchObject({
      message: 'does not answer: connect ECONNREFUSED 127.0.0.1:1',
      todo: expect.stringContaining('TEMPORAL_ADDRESS'),
    });
    expect(`${todosOf(diagnoses)}\n${todosOf(away)}`).not.toContain('slipway up');

    const half = await doctor({ AWS_SECRET_ACCESS_KEY: '', TEMPORAL_ADDRESS: temporal.address });
    expect(diagnosisOf('environment', half)).toMatchObject({
      ok: false,
      message: expect.stringContaining('Only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set'),
    });
  });

  it('finds nothing wrong with a machine that needs no engine, and tells of keys that are not a client’s', async () => {
    const { temporal } = world.connections;
    const laptop = await doctor({
      SLIPWAY_DOCKER_HOST: undefined,
      SLIPWAY_SIDECAR_IMAGE: undefined,
      TEMPORAL_ADDRESS: temporal.address,
    });
    expect(laptop.filter(({ ok, part }) => !ok && part !== 'queues')).toEqual([]);

    const { accessKeyId, secretAccessKey } = world.keys[1];
    const ofWorker = await doctor({ AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
    expect(diagnosisOf('s3', ofWorker).ok).toBe(true);
    expect(diagnosisOf('pushes', ofWorker)).toMatchObject({
      ok: false,
      message: 'cannot be read with these keys',
      todo: expect.stringContaining('a client'),
    });
  });
});
