import { hostname } from 'node:os';
import { describe, expect, it, jest } from '@jest/globals';
import { activityOf, stateOf } from '../helpers/four-phases.ts';
import { until } from '../helpers/live-stack.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import { GATED, World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const task = (command: string, fields: object = {}): object => ({
  image: 'debian:bookworm',
  checkout: false,
  command,
  ...fields,
});

async function logOfRun(world: World, taskId: string, run: number): Promise<string> {
  const parts: Buffer[] = [];
  const signal = AbortSignal.timeout(30_000);
  for await (const part of world.live.api.log(taskId, { run, follow: false, signal })) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

describe('a runner told to end by SIGTERM', () => {
  it('takes no new run, finishes what it can in its grace time, and saves what is left of the rest, which runs anew elsewhere', async () => {
    await using world = await World.open();
    await world.startWorker(1, ['control']);
    const repository = await world.createRepository();
    const artifacts = { 'public/out': { type: 'file', path: '/out' } };
    const slipway = {
      version: 1,
      tasks: {
        short: task(`echo short > /out; ${GATED}; echo ended`, { artifacts }),
        long: task('echo "run $RUN_ID" | tee /out; [ $RUN_ID = 1 ] || sleep 1000', { artifacts }),
        late: task('echo late', { dependencies: ['early'] }),
        early: task(GATED),
      },
    };
    const first = await world.startWorker(1, ['runner'], { arguments: ['--grace', '40', '--capacity', '8'] });
    const pushId = await world.start(repository, await repository.commit({ 'slipway.yml': slipway }));
    const taskId = (label: string): string => `${pushId.replace('push/', 'task/')}/${label}`;
    const isRunning = async (label: string): Promise<boolean> => (await stateOf(world, label)) === 'running';
    await until(async () => (await Promise.all(['short', 'long', 'early'].map(isRunning))).every(Boolean));

    first.kill('SIGTERM');
    await Promise.all(['short', 'early'].map((label) => world.openGate(label)));
    await until(async () => (await activityOf(world, taskId('late')))?.type === 'claimRun');
    await until(() => first.hasEnded());
    expect(await world.containers()).toEqual([]);
    expect(await world.networks()).toEqual([]);
    const second = await world.startWorker(1, ['runner']);
    const document = await world.verdict(pushId);

    const runs = Object.fromEntries(
      document.tasks.map(({ label, runs }) => [
        label,
        runs.map(({ run, reason }) => `${run} ${reason ?? ''}`),
      ]),
    );
    expect(runs).toEqual({
      short: ['0 completed'],
      early: ['0 completed'],
      late: ['0 completed'],
      long: ['0 worker-shutdown', '1 completed'],
    });
    const workerOf = async (label: string): Promise<string | undefined> =>
      (await world.live.api.task(taskId(label))).runs.at(-1)?.worker;
    expect(await workerOf('short')).toBe(`${hostname()}/${first.pid}`);
    expect(await workerOf('late')).toBe(`${hostname()}/${second.pid}`);
    expect((await world.artifact(taskId('short'), 'public/out')).toString()).toBe('short\n');
    const { runs: runsOfLong } = await world.live.api.task(taskId('long'));
    const saved = runsOfLong.map(({ artifacts: kept }) => kept.map(({ name }) => name).sort());
    expect(saved).toEqual([
      ['public/logs/live.log', 'public/out'],
      ['public/logs/live.log', 'public/out'],
    ]);
    expect(runsOfLong[0]?.detail).toBe('The worker was shut down, and its time to finish was over');
    expect(await logOfRun(world, taskId('long'), 0)).toMatch(/\nrun 0\n/);
  });
});

describe('a machine that is gone', () => {
  it('loses its runs to another one, and when it comes back stops at once what it still runs and uploads nothing', async () => {
    await using engine = await startSecondEngine({
      arguments: ['--default-address-pool', 'base=10.231.0.0/16,size=26'],
    });
    await using world = await World.open();
    await world.startWorker(1, ['control']);
    const runnerEngine = `unix://${engine.socketPath}`;
    const gone = await world.startWorker(1, ['runner'], { connections: { runnerEngine } });
    const repository = await world.createRepository();
    const command =
      'echo "run $RUN_ID" | tee /out; i=0; while [ $RUN_ID = 0 ] && [ $i -lt 600 ]; do echo "line $i"; i=$((i+1)); sleep 0.5; done';
    const artifacts = { 'public/out': { type: 'file', path: '/out' } };
    const slipway = { version: 1, tasks: { t: task(command, { artifacts }) } };
    const pushId = await world.start(repository, await repository.commit({ 'slipway.yml': slipway }));
    const taskId = `${pushId.replace('push/', 'task/')}/t`;
    const ofTasks = async (): Promise<readonly string[]> =>
      (await world.objects()).filter((key) => key.includes('/tasks/'));
    await until(async () => (await world.log(taskId).catch(() => '')).includes('\nline 3\n'));

    gone.kill('SIGSTOP');
    await world.startWorker(1, ['runner']);
    const document = await world.verdict(pushId);
    expect(document.tasks[0]?.runs.map(({ run, reason }) => `${run} ${reason ?? ''}`)).toEqual([
      '0 worker-lost',
      '1 completed',
    ]);
    const [lost] = (await world.live.api.task(taskId)).runs;
    expect(lost?.detail).toBe(
      'no worker of that machine takes its work: the machine is gone, or its worker does not run',
    );
    expect(lost?.artifacts.map(({ name }) => name)).toEqual(['public/logs/live.log']);
    const before = await ofTasks();
    const logBefore = await logOfRun(world, taskId, 0);
    expect(await engine.docker.listContainers()).toHaveLength(1);
    gone.kill('SIGCONT');
    await until(async () => (await engine.docker.listContainers({ all: true })).length === 0, 20_000);

    expect(await ofTasks()).toEqual(before);
    expect(await logOfRun(world, taskId, 0)).toBe(logBefore);
    expect((await world.artifact(taskId, 'public/out')).toString()).toBe('run 1\n');
    const networks = await engine.docker.listNetworks();
    expect(networks.filter(({ Labels }) => Labels?.['slipway.fleet'] === world.fleet)).toEqual([]);
  });
});
