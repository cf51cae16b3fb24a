import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, describe, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import { docker, statesOf, until } from '../helpers/live-stack.ts';
import type { StoreRequest } from '../helpers/request-proxy.ts';
import { startRequestProxy } from '../helpers/request-proxy.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const AWAY_MS = 20_000;

/** Prints a line five times a second until it is told to end. */
const talking = 'i=0; while [ ! -e /quiet ]; do echo "line $i"; i=$((i+1)); sleep 0.2; done';

/** The container of a task goes on when it has this file. */
async function tell(world: World, label: string, file: string): Promise<void> {
  const named = async (): Promise<string | undefined> =>
    (await world.containers()).find((container) => container.endsWith(`-${label}`));
  await until(async () => (await named()) !== undefined);
  await until(async () =>
    docker('exec', (await named()) ?? '', 'touch', file).then(
      () => true,
      () => false,
    ),
  );
}

/** Tasks that keep every phase of the store's use busy. */
function busyPush(): Readonly<Record<string, unknown>> {
  const task = { image: 'debian:bookworm', checkout: false };
  return {
    // Random bytes do not compress: publishing and loading take their time. Whoever watches the build sees it before its end.
    'docker/Dockerfile': 'FROM debian:bookworm\nRUN head -c 40000000 /dev/urandom > /fat && sleep 5\n',
    'slipway.yml': {
      version: 1,
      images: { fat: { context: 'docker' } },
      tasks: {
        talker: { ...task, command: talking },
        saver: {
          ...task,
          command:
            'while [ ! -e /go ]; do sleep 0.2; done; head -c 40000000 /dev/urandom > /saved; sha256sum < /saved',
          artifacts: { 'public/saved': { type: 'file', path: '/saved' } },
        },
        user: { image: { 'in-tree': 'fat' }, command: 'wc -c < /fat', checkout: false },
      },
    },
  };
}

const runsOf = (document: PushDocument): unknown =>
  Object.fromEntries(document.tasks.map(({ label, runs }) => [label, runs.length]));

/** Everything of the busy push came whole and once, and nothing lies about. */
async function expectWhole(world: World, document: PushDocument): Promise<void> {
  const all = { talker: 'completed/completed', saver: 'completed/completed', user: 'completed/completed' };
  expect(statesOf(document)).toEqual(all);
  expect(runsOf(document)).toEqual({ talker: 1, saver: 1, user: 1 });
  const taskId = (label: string): string => document.tasks.find((task) => task.label === label)?.taskId ?? '';
  const spoken = (await world.log(taskId('talker'))).split('\n').filter((line) => line.startsWith('line '));
  expect(spoken.length).toBeGreaterThan(50);
  expect(spoken).toEqual(spoken.map((_, i) => `line ${i}`));
  const saved = await world.artifact(taskId('saver'), 'public/saved');
  const sha256 = createHash('sha256').update(saved).digest('hex');
  expect(await world.log(taskId('saver'))).toContain(sha256);
  expect(await world.log(taskId('user'))).toContain('\n40000000\n');
  const image = await world.live.api.task(document.images[0]?.taskId ?? '');
  expect(image.runs.map(({ run, reason }) => `${run} ${reason ?? ''}`)).toEqual(['0 completed']);
  expect(await world.unfinishedUploads()).toEqual([]);
  expect(await world.objects('uploads/')).toEqual([]);
  expect(await world.openWorkflows()).toEqual([]);
  expect(await world.containers()).toEqual([]);
}

/** Seconds that a log says the store was away, outage by outage. */
function outagesIn(log: string): readonly number[] {
  return [...log.matchAll(/The store was away for ([\d.]+) s \(/g)].map(([, seconds]) => Number(seconds));
}

const logIfAny = (world: World, taskId: string): Promise<string> => world.log(taskId).catch(() => '');

// Each waits for most of its time: side by side they take little longer than one.
describe('a store in trouble', () => {
  it.concurrent(
    'that stops for 20 seconds costs no run, whatever was being written or read, and the logs say for how long it was away',
    async () => {
      await using world = await World.open({ via: ['store'] });
      await world.startWorker();
      const repository = await world.createRepository();
      const store = world.proxy('store');
      const away = async (): Promise<void> => {
        await store.refuse();
        await sleep(AWAY_MS);
        store.pass();
      };
      const id = await world.start(repository, await repository.commit(busyPush()));
      await until(async () => (await world.openWorkflows()).some((open) => open.startsWith('image/')));
      const imageId = (await world.openWorkflows()).find((open) => open.startsWith('image/')) ?? '';
      const taskId = (label: string): string => `${id.replace('push/', 'task/')}/${label}`;

      // Publish, artifact and logs are on their way, one of them by parts; another push is planned meanwhile.
      await until(async () => (await logIfAny(world, imageId)).includes('RUN head'));
      store.slow({ bytesPerSecond: 500_000 });
      await tell(world, 'saver', '/go');
      await until(async () => (await world.unfinishedUploads()).length > 0);
      const other = await repository.commit({
        'slipway.yml': {
          version: 1,
          tasks: { quick: { image: 'debian:bookworm', command: 'true', checkout: false } },
        },
      });
      const [second] = await Promise.all([world.start(repository, other), away()]);
      // The manifest is there, its index entry is not.
      await until(async () => (await logIfAny(world, imageId)).includes('Published sha256:'));
      await away();
      // Its user loads the image.
      await until(async () => (await logIfAny(world, taskId('user'))).includes('Task task/'));
      await away();
      // Its log hears of every outage, so it talks until the last is over, however long that takes here.
      await tell(world, 'talker', '/quiet');
      const document = await world.verdict(id);

      await expectWhole(world, document);
      expect(statesOf(await world.verdict(second))).toEqual({ quick: 'completed/completed' });
      expect(await world.objects('level-1/index/')).toHaveLength(1);
      const told = outagesIn(await world.log(taskId('talker')));
      expect(told.filter((seconds) => seconds > 15).length).toBeGreaterThanOrEqual(2);
      expect(await world.log(imageId)).toMatch(/The store was away for (1[5-9]|[2-9]\d|\d{3,})\.\d s/);
    },
  );

  it.concurrent(
    'that answers 503, hangs, is slow and cuts bodies in their middle costs no run either',
    async () => {
      await using world = await World.open({ via: ['store'] });
      await world.startWorker();
      const repository = await world.createRepository();
      const store = world.proxy('store');
      const id = await world.start(repository, await repository.commit(busyPush()));
      const talker = `${id.replace('push/', 'task/')}/talker`;
      await until(async () => (await logIfAny(world, talker)).includes('line 3'));
      await tell(world, 'saver', '/go');

      store.answer(503);
      await sleep(AWAY_MS);
      store.hang();
      await sleep(8_000);
      store.slow({ bytesPerSecond: 2_000_000, latencyMs: 20 });
      // Bodies of both ways are cut again and again: uploads by parts, and the image on its way to its user.
      for (let cuts = 0; cuts < 12; cuts += 1) {
        await sleep(1_500);
        store.cut();
      }
      store.pass();
      await tell(world, 'talker', '/quiet');
      const document = await world.verdict(id);

      await expectWhole(world, document);
      // Whether the cuts after it met a request of the log is chance.
      expect(outagesIn(await world.log(talker)).some((seconds) => seconds > 5)).toBe(true);
    },
  );

  it.concurrent(
    'that takes nothing of what a run leaves ends it as upload-failed, whether it is an artifact or the log; the next run counts while there is one, else the task ends so, and what needs it',
    async () => {
      await using world = await World.open({ base: false });
      await using proxy = await startRequestProxy(world.connections.store.endpoint ?? '');
      const store = { ...world.connections.store, endpoint: proxy.endpoint };
      // What is recorded of a run does not come by the way of the runner.
      await world.startWorker(1, ['control', 'builder']);
      await world.startWorker(1, ['runner'], { connections: { store }, arguments: ['--capacity', '4'] });
      const repository = await world.createRepository();
      const saves = {
        image: 'debian:bookworm',
        checkout: false,
        command: 'echo "run $RUN_ID" | tee /out',
        artifacts: { 'public/out': { type: 'file', path: '/out' } },
      };
      const tasks = {
        artifact: { ...saves, retries: 1 },
        log: { ...saves, retries: 1 },
        last: { ...saves, retries: 0 },
        after: { ...saves, dependencies: ['last'] },
      };
      const isOf = ({ key, writes }: StoreRequest, label: string, what: string): boolean =>
        writes && key.includes(`/${label}/runs/0/${what}`);
      let hasEnded = false;
      proxy.forbid((request) => {
        hasEnded ||= isOf(request, 'log', 'artifacts/');
        const isArtifact = ['artifact', 'last'].some((label) => isOf(request, label, 'artifacts/'));
        return isArtifact || (hasEnded && isOf(request, 'log', 'log/'));
      });

      const document = await world.push(
        repository,
        await repository.commit({ 'slipway.yml': { version: 1, tasks } }),
      );

      expect(statesOf(document)).toEqual({
        artifact: 'completed/completed',
        log: 'completed/completed',
        last: 'exception/upload-failed',
        after: 'exception/dependency-failed',
      });
      const taskId = (label: string): string => `${document.id.replace('push/', 'task/')}/${label}`;
      const runs = async (label: string): Promise<unknown> =>
        (await world.live.api.task(taskId(label))).runs.map(({ reason, exitCode, detail }) => [
          reason,
          exitCode,
          detail,
        ]);
      const refused = [
        'upload-failed',
        0,
        expect.stringMatching(/^Store: PutObject failed .* AccessDenied, status 403/),
      ];
      expect(await runs('artifact')).toEqual([refused, ['completed', 0, undefined]]);
      expect(await runs('log')).toEqual([refused, ['completed', 0, undefined]]);
      expect(await runs('last')).toEqual([refused]);
      expect(document.tasks.find(({ label }) => label === 'after')?.culprit).toBe('last');
      for (const label of ['artifact', 'log'])
        expect((await world.artifact(taskId(label), 'public/out')).toString()).toBe('run 1\n');
      // Up to ten attempts, where none was lost on the way, and of the artifact nothing that anybody could take for one.
      const attempts = proxy.seen.filter((request) => isOf(request, 'last', 'artifacts/'));
      expect(attempts.length).toBeGreaterThan(1);
      expect(attempts.length).toBeLessThanOrEqual(10);
      expect(
        (await world.objects()).filter((key) => key.includes('/last/runs/0/artifacts/public/out')),
      ).toEqual([]);
      expect(await world.log(taskId('last'))).toMatch(/Artifact public\/out: .*AccessDenied/);
      await until(async () => (await world.containers()).length === 0);
      expect(await world.unfinishedUploads()).toEqual([]);
    },
  );
});
