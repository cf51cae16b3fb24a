import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { taskIdIn } from '../../model/pure/ids.ts';
import type { CollectionReport } from '../../model/schema/collection.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { isWhole } from '../../steps/image-closure.ts';
import type { OpenStore } from '../../store/open-store.ts';
import { openStore } from '../../store/open-store.ts';
import { digestOf } from '../helpers/bytes.ts';
import type { TestRepository } from '../helpers/live-stack.ts';
import { liveConnections, outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { cleanEnvironment, runSlipway } from '../helpers/run-slipway.ts';
import { s3TestConfig } from '../helpers/s3-test-server.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const PROGRAM = fileURLToPath(new URL('../../bin/slipway', import.meta.url));
const DAY_MS = 86_400_000;
/** Enough for several rounds of deletions. */
const LEFT_OVER = 600;

let world: World;
/** With the set-up keys, so that records can be made old. */
let store: OpenStore;
let repository: TestRepository;
/** The bucket as the S3 server has it on disk. */
let directory: string;
let pushes = 0;
beforeAll(async () => {
  world = await World.open();
  const { bucket } = world.connections.store;
  store = openStore({ ...s3TestConfig(), bucket });
  directory = join((await liveConnections()).stateDirectory, 'store', bucket);
  await world.startWorker();
  repository = await world.createRepository();
});
afterAll(async () => {
  store.close();
  await world[Symbol.asyncDispose]();
});

async function push(): Promise<PushDocument> {
  pushes += 1;
  const revision = await repository.commit({
    'docker/tool/Dockerfile':
      'FROM debian:bookworm\nRUN head -c 100000 /dev/urandom > /random && echo tool > /tool\n',
    README: `${pushes}`,
    'slipway.yml': {
      version: 1,
      images: { tool: { context: 'docker/tool' } },
      tasks: { use: { image: { 'in-tree': 'tool' }, command: 'cat /tool', checkout: false } },
    },
  });
  return world.push(repository, revision);
}

/** As if all that lies in the store had been written some days ago. */
async function age(days: number): Promise<void> {
  const then = new Date(Date.now() - days * DAY_MS);
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) await utimes(join(entry.parentPath, entry.name), then, then).catch(() => undefined);
}

/** As if a push, its image and the image's entry in the index had come to their end long ago. */
async function makeOld({ id, images }: PushDocument): Promise<void> {
  const then = new Date(Date.now() - 60 * DAY_MS).toISOString();
  await store.pushes.writeStatus({ ...(await store.pushes.findStatus(id))!, resolved: then });
  for (const { taskId } of images)
    await store.tasks.change(taskId, (record) => ({
      ...record!,
      resolved: then,
      runs: record!.runs.map((run) => ({ ...run, resolved: then })),
    }));
  for await (const { key, level, entry } of store.index.list('e2e', 1))
    await store.index.write(key, level, { ...entry, created: then });
  await age(60);
}

async function slipwayGc(...args: string[]): Promise<readonly CollectionReport[]> {
  const env = { SLIPWAY_HOME: world.home };
  for (;;) {
    const { stdout, stderr, exitCode } = await runSlipway(['gc', '--json', ...args], {
      cwd: world.home,
      env,
      timeoutMs: 300_000,
    });
    if (exitCode === 0) return JSON.parse(stdout) as CollectionReport[];
    // On a machine that is busy beyond measure it takes nothing away, and is to be run again.
    if (!stderr.includes('stood still for too long'))
      throw new Error(`slipway gc ended with ${exitCode}: ${stderr}`);
  }
}

const freed = (reports: readonly CollectionReport[], kind: string): number =>
  reports
    .flatMap(({ kinds }) => kinds)
    .reduce((sum, each) => sum + (each.kind === kind ? each.freed.objects : 0), 0);

/** Collects blobs with level 3's keys in a process that is killed as soon as it works. */
async function killCollector(): Promise<void> {
  const child = spawn(PROGRAM, ['gc', '--level', '3'], {
    env: { ...cleanEnvironment(), SLIPWAY_HOME: world.home },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  while (child.exitCode === null && !existsSync(join(directory, 'blobs/collection.json'))) await delay(1);
  child.kill('SIGKILL');
  await ended;
}

it('an image whose life is over goes; a push that wants it builds it again, also beside a collector that was killed in the middle', async () => {
  const first = await push();
  expect(outcomesOf(first)).toEqual({ tool: 'built' });
  await makeOld(first);
  for (let i = 0; i < LEFT_OVER; i += 1) {
    const bytes = Buffer.from(`nothing reaches ${i}`);
    await store.blobs.write(digestOf(bytes), bytes.length, bytes);
  }

  // By the schedule, with the keys of level 1: what is over is removed, and the image retired.
  const schedule = world.temporal.schedule.getHandle('gc-1');
  await until(() =>
    schedule.describe().then(
      () => true,
      () => false,
    ),
  );
  await schedule.trigger();
  await until(async () => (await schedule.describe()).info.recentActions.length > 0);
  const [action] = (await schedule.describe()).info.recentActions;
  // The server puts the time behind the id.
  const { workflowId = '' } = action?.action.workflow ?? {};
  const report = (await world.temporal.workflow.getHandle(workflowId).result()) as CollectionReport;
  expect(report).toMatchObject({ level: 1, blobs: 'left to level 3', damaged: { count: 0 } });
  expect(freed([report], 'pushes')).toBe(3);
  expect(await world.objects('level-1/pushes')).toEqual([]);
  expect(await store.tasks.find(taskIdIn(first.id, 'use'))).toBeUndefined();
  await age(2);
  expect(freed(await slipwayGc('--level', '1'), 'images')).toBe(1);

  await killCollector();
  expect(await world.objects('blobs/collection.json')).toEqual(['blobs/collection.json']);
  const second = await push();

  expect(statesOf(second)).toEqual({ use: 'completed/completed' });
  expect(second.tasks[0]?.runs).toHaveLength(1);
  expect(outcomesOf(second)).toEqual({ tool: 'built' });
  const told = await slipwayGc('--dry-run');
  const reports = await slipwayGc();

  expect(reports.map(({ blobs }) => blobs)).toEqual(['left to level 3', 'left to level 3', 'collected']);
  expect(freed(reports, 'blobs')).toBeGreaterThan(0);
  expect(freed(told, 'blobs')).toBe(freed(reports, 'blobs'));
  expect(await isWhole(store.blobs, second.images[0]?.manifestDigest ?? '')).toBe(true);
  const left = await Promise.all(
    Array.from({ length: LEFT_OVER }, (_, i) => store.blobs.stat(digestOf(`nothing reaches ${i}`))),
  );
  expect(left.filter((stat) => stat !== undefined)).toEqual([]);
  expect(await world.objects('blobs/collection.json')).toEqual([]);
  expect(await world.unfinishedUploads()).toEqual([]);
  expect(await world.openWorkflows()).toEqual([]);
  // And the next push finds what the last one built.
  const third = await push();
  expect(outcomesOf(third)).toEqual({ tool: 'reused' });
  expect(statesOf(third)).toEqual({ use: 'completed/completed' });
});
