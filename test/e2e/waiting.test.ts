import { fileURLToPath } from 'node:url';
import { expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import { runCommand } from '../../stack/run-command.ts';
import { statesOf, until } from '../helpers/live-stack.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { GATED, World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const SLIPWAY = fileURLToPath(new URL('../../bin/slipway', import.meta.url));

it('what nobody polls for is said of a push that waits, by status and by watch, until somebody does', async () => {
  await using world = await World.open({ base: false });
  const repository = await world.createRepository();
  const task = { image: 'debian:bookworm', command: 'true', checkout: false };
  const id = await world.start(
    repository,
    await repository.commit({
      'slipway.yml': { version: 1, tasks: { now: task, later: { ...task, dependencies: ['now'] } } },
    }),
  );
  const slipway = (...args: string[]): Promise<string> =>
    runCommand([SLIPWAY, ...args], { env: { ...process.env, SLIPWAY_HOME: world.home } });
  // Nobody has begun with it, so that the store knows nothing of it.
  const unplanned = await slipway('status', id);
  const watchedFromHere = slipway('watch', id);
  const followed = slipway('logs', 'later', '-f', '--push', id);
  const rerun = await slipway('rerun', '--failed', id).catch((error: unknown) => String(error));
  const read = await slipway('logs', 'later', '--push', id).catch((error: unknown) => String(error));
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await world.startWorker(1, ['control']);
  const standing = (): Promise<PushDocument | undefined> => world.live.api.read(id).catch(() => undefined);
  await until(async () => (await standing())?.tasks[0]?.state === 'pending');

  const status = await slipway('status', id);
  const watched = slipway('watch', id);
  const asked = await world.live.api.silentQueues(1, ['control-1', 'runner-1', 'runner-dind-1']);
  // The line comes with the first look.
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  await world.startWorker(1, ['runner']);
  await world.verdict(id);

  expect(unplanned).toContain('no worker polls control-1: what is sent there waits');
  expect(await watchedFromHere).toMatch(
    / no worker polls control-1, so that it waits; what runs: slipway doctor\n/,
  );
  expect(rerun).toContain('has not been planned yet');
  expect(read).toContain(`Push ${id} is not planned yet: slipway watch ${id}`);
  expect(await followed).toContain('Run 0 ended: completed/completed');
  expect(status).toContain('no worker polls runner-1 (none runs, or all are busy): what is sent there waits');
  expect(status).toMatch(/^ *now +pending: no worker polls runner-1 /m);
  expect(status).toMatch(/^ *later +unscheduled /m);
  expect(asked).toEqual(['runner-1', 'runner-dind-1']);
  expect(await watched).toMatch(
    / no worker polls runner-1 \(none runs, or all are busy\), so that it waits; what runs: slipway doctor\n/,
  );
  expect(await slipway('status', id)).not.toContain('no worker polls');
  expect(await world.live.api.silentQueues(1, ['runner-1'])).toEqual([]);
});

it('a task that waits can be cancelled, and its deadline counts; each has a log with the reason, and the rest goes on', async () => {
  await using world = await World.open({ base: false });
  await world.startWorker();
  const repository = await world.createRepository();
  const plain = { image: 'debian:bookworm', checkout: false, command: 'true' };
  const tasks = {
    slow: { ...plain, command: GATED },
    unwanted: {
      ...plain,
      dependencies: ['slow'],
      artifacts: { 'public/report': { type: 'file', path: '/report' } },
    },
    after: { ...plain, dependencies: ['unwanted'] },
    late: { ...plain, dependencies: ['slow'], deadline: '10 seconds' },
    free: { ...plain, dependencies: ['slow'] },
    collects: {
      ...plain,
      dependencies: ['unwanted'],
      requires: 'all-resolved',
      inputs: {
        '/in/unwanted.log': { task: 'unwanted', artifact: 'public/logs/live.log' },
        '/in/report': { task: 'unwanted', artifact: 'public/report', optional: true },
      },
      command: 'cat /in/unwanted.log && test ! -e /in/report',
    },
  };
  const id = await world.start(repository, await repository.commit({ 'slipway.yml': { version: 1, tasks } }));
  const env = { SLIPWAY_HOME: world.home, NO_COLOR: '1' };
  const slipway = (...args: string[]): ReturnType<typeof runSlipway> =>
    runSlipway(args, { cwd: world.home, env });
  const standing = (): Promise<PushDocument | undefined> => world.live.api.read(id).catch(() => undefined);
  await until(async () => (await standing())?.tasks[0]?.state === 'running');

  const early = await slipway('logs', 'unwanted', '--push', id);
  const cancelled = await slipway('cancel', 'unwanted', '--push', id);
  await until(
    async () =>
      (await standing())?.tasks.some(({ label, state }) => label === 'late' && state === 'exception') ??
      false,
  );
  await world.openGate('slow');
  const document = await world.verdict(id);
  const logs = await Promise.all(
    ['unwanted', 'after', 'late'].map((label) => slipway('logs', label, '--push', id)),
  );

  const [fetched, listed, status, collected] = await Promise.all([
    slipway('download', 'unwanted', 'public/logs/live.log', '--push', id, '-o', '-'),
    slipway('artifacts', 'unwanted', '--push', id),
    slipway('status', id),
    slipway('logs', 'collects', '--push', id),
  ]);

  expect(early.stderr).toContain('has no run');
  expect(cancelled.exitCode).toBe(0);
  expect(cancelled.stdout).toContain('/unwanted has not begun, and its push is asked to end it as canceled');
  expect(statesOf(document)).toEqual({
    slow: 'completed/completed',
    unwanted: 'exception/canceled',
    after: 'exception/dependency-failed',
    late: 'exception/deadline-exceeded',
    free: 'completed/completed',
    collects: 'completed/completed',
  });
  expect(document.tasks.filter(({ runs }) => runs.length > 0).map(({ label }) => label)).toEqual([
    'slow',
    'free',
    'collects',
  ]);
  expect(logs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
  const [unwanted, after, late] = logs.map(({ stdout }) => stdout);
  expect(unwanted).toMatch(/^\[slipway:error \S+\] The task ended without a run: exception\/canceled\n/);
  expect(after).toMatch(
    /ended without a run: exception\/dependency-failed\n[^]*slipway logs task\S*\/unwanted\n/,
  );
  expect(late).toContain('exception/deadline-exceeded: Its deadline came 10 seconds after the push');
  // The same for whoever asks, in whatever way.
  expect(fetched).toMatchObject({ exitCode: 0, stdout: unwanted });
  expect(listed.stdout).toMatch(/^task +public\/logs\/live\.log +\d+ B +text\/plain/);
  expect(collected.stdout).toContain(unwanted);
  expect(collected.stdout).toContain(
    'Nothing is put into /in/report: task "unwanted" has left no "public/report"\n',
  );
  for (const line of unwanted!.trimEnd().split('\n')) expect(status.stdout).toContain(`  | ${line}\n`);
});
