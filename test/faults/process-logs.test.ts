import { randomUUID } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { z } from 'zod';
import { filesWith } from '../helpers/files-with.ts';
import { startImageRegistry } from '../helpers/image-registry.ts';
import { until, statesOf } from '../helpers/live-stack.ts';
import { requireEnv } from '../helpers/require-env.ts';
import { runningProcesses } from '../helpers/running-processes.ts';
import { s3TestConfig } from '../helpers/s3-test-server.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const lineSchema = z.looseObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']),
  time: z.iso.datetime(),
  name: z.string(),
  msg: z.string(),
  activity: z.string().optional(),
  attempt: z.number().optional(),
  pushId: z.string().optional(),
  taskId: z.string().optional(),
  run: z.number().optional(),
  error: z.looseObject({ type: z.string(), message: z.string(), stack: z.string().optional() }).optional(),
});

describe('the logs of the processes, after a push in which a worker was killed, a build and a task failed', () => {
  it('are JSON lines by which a run can be followed, without stack traces; no secret is anywhere but where it belongs', async () => {
    await using registry = await startImageRegistry({});
    await using world = await World.open();
    const first = await world.startWorker();
    const repository = await world.createRepository();
    const mark = randomUUID();
    const revision = await repository.commit({
      'slipway.yml': {
        version: 1,
        images: { good: { context: 'good' }, bad: { context: 'bad' } },
        tasks: {
          long: { image: 'debian:bookworm', command: 'sleep 12', checkout: false },
          good: { image: { 'in-tree': 'good' }, command: 'cat /mark', checkout: false },
          bad: { image: { 'in-tree': 'bad' }, command: 'true', checkout: false },
          nowhere: { image: `${registry.host}/nowhere:1`, command: 'true', checkout: false },
        },
      },
      'good/Dockerfile': `FROM debian:bookworm\nRUN echo ${mark} > /mark\n`,
      'bad/Dockerfile': `FROM debian:bookworm\nRUN echo ${mark} && exit 3\n`,
    });

    const id = await world.start(repository, revision);
    await until(async () => (await world.containers()).some((name) => name.endsWith('-long')));
    first.kill('SIGKILL');
    const second = await world.startWorker();
    const document = await world.verdict(id);
    await second.stop();

    expect(statesOf(document)).toMatchObject({
      long: 'completed/completed',
      good: 'completed/completed',
      bad: 'exception/image-build-failed',
      nowhere: 'exception/resource-unavailable',
    });
    const texts = await Promise.all([first, second].map(({ logPath }) => readFile(logPath, 'utf8')));
    const lines = texts.flatMap((text) =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => lineSchema.parse(JSON.parse(line))),
    );
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    expect(lines.filter(({ error }) => error?.stack !== undefined)).toEqual([]);
    const taskId = `${id.replace('push/', 'task/')}/long`;
    const ofRun = lines.filter((line) => line.taskId === taskId && line.run === 0 && line.msg === 'Done');
    expect(ofRun.map(({ activity }) => activity)).toEqual([
      'claimRun',
      'loadImage',
      'runContainer',
      'saveArtifacts',
      'recordRun',
    ]);
    expect(ofRun.every((line) => line.pushId === id)).toBe(true);
    expect(ofRun.find(({ activity }) => activity === 'runContainer')?.attempt).toBe(2);
    const failed = lines.filter(({ level }) => level === 'warn').map(({ error }) => error?.type);
    expect(failed).toEqual(expect.arrayContaining(['ImageBuildFailed', 'ImageUnavailable']));

    const suite = requireEnv('SLIPWAY_HOME', 'a running stack');
    const secrets = [
      s3TestConfig().secretAccessKey ?? '',
      world.connections.store.secretAccessKey ?? '',
      ...Object.values(world.keys).map(({ secretAccessKey }) => secretAccessKey),
    ];
    expect(new Set(secrets).size).toBe(5);
    const scratch = join(world.home, 'secrets.txt');
    const places = [
      join(suite, 'logs'),
      join(suite, 'temporal'),
      join(suite, 'store', world.connections.store.bucket),
      join(world.home, 'logs'),
    ];
    expect(await filesWith(secrets, places, scratch)).toEqual([]);
    const processes = await runningProcesses();
    expect(secrets.filter((secret) => processes.includes(secret))).toEqual([]);

    // Where they belong, only their owner reads them. The engine's data are gigabytes of others.
    const ofSuite = (await readdir(suite)).filter((name) => name !== 'engine');
    const kept = await filesWith(
      secrets,
      ofSuite.map((name) => join(suite, name)),
      scratch,
    );
    expect(kept.map((path) => path.slice(suite.length + 1)).sort()).toEqual(
      [
        'settings.json',
        'stack.json',
        'store-users/users.json',
        ...(await readdir(join(suite, 'levels'))).map((name) => `levels/${name}`),
      ].sort(),
    );
    for (const path of kept) expect([path, (await stat(path)).mode & 0o077]).toEqual([path, 0]);
  });
});
