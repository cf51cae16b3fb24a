import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { FOUR_PHASES_WELL, lookAtFourPhases, reachFourPhases } from '../helpers/four-phases.ts';
import { statesOf, until } from '../helpers/live-stack.ts';
import { makeLayeredImageScript } from '../helpers/make-image-script.ts';
import type { SecondEngine } from '../helpers/second-engine.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import { mountSmallDisk } from '../helpers/small-disk.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(600_000);

const POOL = ['--default-address-pool', 'base=10.232.0.0/16,size=26'];
const FOLLOW = 'i=0; while [ $i -lt 25 ]; do echo "line $i"; i=$((i+1)); sleep 1; done; exit 7';

const task = (command: string, fields: object = {}): object => ({
  image: 'debian:bookworm',
  checkout: false,
  command,
  ...fields,
});

type Tasks = Readonly<Record<string, object>>;

interface Started {
  readonly pushId: string;
  taskId(label: string): string;
}

/** Starts a push whose tasks run in an engine of the test's own. */
async function startIn(
  world: World,
  engine: SecondEngine,
  tasks: Tasks,
  more: readonly string[] = [],
): Promise<Started> {
  await world.startWorker(1, ['control']);
  const runnerEngine = `unix://${engine.socketPath}`;
  await world.startWorker(1, ['runner'], {
    connections: { runnerEngine },
    arguments: ['--capacity', '8', ...more],
  });
  return start(world, tasks);
}

async function start(world: World, tasks: Tasks): Promise<Started> {
  const repository = await world.createRepository();
  const revision = await repository.commit({ 'slipway.yml': { version: 1, tasks } });
  const pushId = await world.start(repository, revision);
  return { pushId, taskId: (label) => `${pushId.replace('push/', 'task/')}/${label}` };
}

const runsOf = async (world: World, taskId: string): Promise<readonly string[]> =>
  (await world.live.api.task(taskId)).runs.map(({ reason, detail }) =>
    `${reason ?? ''} ${detail ?? ''}`.trim(),
  );

const hasLine = (world: World, taskId: string, line: string): Promise<void> =>
  until(async () => (await world.log(taskId).catch(() => '')).includes(`\n${line}\n`));

async function linesOf(world: World, taskId: string): Promise<readonly string[]> {
  return (await world.log(taskId)).split('\n').filter((line) => line.startsWith('line '));
}

const LINES = Array.from({ length: 25 }, (_, i) => `line ${i}`);

describe('an engine that goes away', () => {
  it('with live-restore, killed and started again: the command goes on, with all of its output and its exit code', async () => {
    await using engine = await startSecondEngine({ arguments: [...POOL, '--live-restore'] });
    await using world = await World.open();
    const { pushId, taskId } = await startIn(world, engine, { t: task(FOLLOW) });
    await hasLine(world, taskId('t'), 'line 3');

    await engine.down('SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await engine.up();
    const document = await world.verdict(pushId);

    expect(statesOf(document)).toEqual({ t: 'failed/failed' });
    expect(await runsOf(world, taskId('t'))).toEqual(['failed exit code 7']);
    expect(await linesOf(world, taskId('t'))).toEqual(LINES);
    expect(await engine.docker.listContainers({ all: true })).toEqual([]);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'without live-restore, ended by %s and started again: the run is lost, not failed, and a new one is made',
    async (signal) => {
      await using engine = await startSecondEngine({ arguments: POOL });
      await using world = await World.open();
      const command =
        'echo "run $RUN_ID"; trap "exit 0" TERM; i=0; while [ $RUN_ID = 0 ] && [ $i -lt 600 ]; do sleep 0.2; done';
      const { pushId, taskId } = await startIn(world, engine, { t: task(command) });
      await hasLine(world, taskId('t'), 'run 0');

      await engine.down(signal);
      await engine.up();
      const document = await world.verdict(pushId);

      expect(statesOf(document)).toEqual({ t: 'completed/completed' });
      expect(await runsOf(world, taskId('t'))).toEqual([
        expect.stringMatching(/^worker-lost The Docker Engine was stopped while the command ran/),
        'completed',
      ]);
      expect(await engine.docker.listContainers({ all: true })).toEqual([]);
    },
  );

  it('killed while it loads an image that a task made: no run is spent, and nothing half-loaded is left', async () => {
    await using engine = await startSecondEngine({ arguments: POOL });
    await using world = await World.open({ via: ['store'] });
    const path = 'public/image.tar';
    const makes = task(makeLayeredImageScript(5_000_000, 20_000_000), {
      env: { SAYS: 'made' },
      artifacts: { [path]: { type: 'file', path: '/image.tar' } },
    });
    const made = await startIn(world, engine, { makes });
    expect(statesOf(await world.verdict(made.pushId))).toEqual({ makes: 'completed/completed' });
    world.proxy('store').slow({ bytesPerSecond: 3_000_000 });
    const image = { type: 'task-image', taskId: made.taskId('makes'), path };
    const used = await start(world, { uses: task('cat /made', { image }) });
    await until(async () =>
      /Imported .* bytes stored/.test(await world.log(used.taskId('uses')).catch(() => '')),
    );

    await engine.down('SIGKILL');
    await engine.up();
    const names = async (): Promise<readonly string[]> =>
      (await engine.docker.listImages({ all: true })).flatMap(({ RepoTags, RepoDigests, Id }) =>
        // What tells of an image's use is a name too.
        [...(RepoTags ?? [Id]), ...(RepoDigests ?? [])].filter(
          (name) => !/^(<none>|slipway\.invalid\/used:)/.test(name),
        ),
      );
    const atOnce = await names();
    world.proxy('store').pass();
    const document = await world.verdict(used.pushId);

    expect(atOnce.filter((name) => name.includes('tarball-'))).toEqual([]);
    expect(statesOf(document)).toEqual({ uses: 'completed/completed' });
    expect(await runsOf(world, used.taskId('uses'))).toEqual(['completed']);
    expect(await world.log(used.taskId('uses'))).toMatch(/^made$/m);
    expect((await names()).map((name) => name.replace(/-[0-9a-f]{64}$/, '')).sort()).toEqual([
      'slipway.invalid/image:base',
      'slipway.invalid/image:tarball',
    ]);
    expect(await engine.docker.listContainers({ all: true })).toEqual([]);
  });

  it('for some seconds, while it pulls an image, takes inputs in, runs and gives artifacts out: no run is spent', async () => {
    await using world = await World.open({ via: ['store', 'engine'] });
    const phases = await reachFourPhases(world);

    await world.proxy('engine').refuse();
    world.proxy('store').pass();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    world.proxy('engine').pass();
    const document = await world.verdict(phases.pushId);

    expect(await lookAtFourPhases(world, phases, document)).toEqual(FOUR_PHASES_WELL);
  });

  it('but hangs: a cancel ends all the same, what ran meanwhile is seen afterwards; and one that is slow costs no run', async () => {
    await using world = await World.open({ via: ['engine'] });
    await world.startWorker(1, ['control']);
    await world.startWorker(1, ['runner'], { arguments: ['--capacity', '8'] });
    const followed = await start(world, { t: task(FOLLOW) });
    const given = await start(world, { t: task('echo begun; sleep 1000') });
    await hasLine(world, followed.taskId('t'), 'line 3');
    await hasLine(world, given.taskId('t'), 'begun');

    world.proxy('engine').hang();
    expect(await world.live.api.cancel(given.pushId)).toBe(true);
    expect(await world.verdict(given.pushId)).toMatchObject({ state: 'exception', reason: 'canceled' });
    world.proxy('engine').pass();
    const document = await world.verdict(followed.pushId);

    expect(statesOf(document)).toEqual({ t: 'failed/failed' });
    expect(await runsOf(world, followed.taskId('t'))).toEqual(['failed exit code 7']);
    expect(await linesOf(world, followed.taskId('t'))).toEqual(LINES);

    world.proxy('engine').slow({ bytesPerSecond: 100_000, latencyMs: 300 });
    const slow = await start(world, {
      makes: task('seq 100000 > /made', { artifacts: { 'public/made': { type: 'file', path: '/made' } } }),
      takes: task('tail -1 /in/made', {
        dependencies: ['makes'],
        inputs: { '/in/made': { task: 'makes', artifact: 'public/made' } },
      }),
    });
    const done = await world.verdict(slow.pushId);

    expect(statesOf(done)).toEqual({ makes: 'completed/completed', takes: 'completed/completed' });
    expect(await runsOf(world, slow.taskId('makes'))).toEqual(['completed']);
    expect(await runsOf(world, slow.taskId('takes'))).toEqual(['completed']);
    await hasLine(world, slow.taskId('takes'), '100000');
    world.proxy('engine').pass();
    // What the cancel could not end is swept.
    await until(async () => (await world.containers()).length === 0);
  });
});

describe('somebody at the engine', () => {
  it('removes, kills and prunes: what is lost runs anew, what is killed says so, what can be made again is', async () => {
    await using engine = await startSecondEngine({ arguments: POOL });
    await using world = await World.open();
    const { docker } = engine;
    const once = 'echo "run $RUN_ID"; [ $RUN_ID = 1 ] || sleep 1000';
    const { pushId, taskId } = await startIn(world, engine, {
      removed: task(once),
      killed: task('echo begun; sleep 1000'),
      running: task(FOLLOW.replace('exit 7', 'exit 0')),
      afterwards: task('echo afterwards', { dependencies: ['running'] }),
    });
    await hasLine(world, taskId('removed'), 'run 0');
    await hasLine(world, taskId('killed'), 'begun');
    await hasLine(world, taskId('running'), 'line 0');
    const containerOf = async (label: string): Promise<string> => {
      const found = (await docker.listContainers()).find(({ Names }) => Names[0]?.endsWith(`-${label}`));
      return found?.Id ?? '';
    };

    await docker.getContainer(await containerOf('killed')).kill();
    // Pruned before anybody has seen its exit code, it would be lost, too.
    await until(async () => (await runsOf(world, taskId('killed')))[0]?.startsWith('failed') ?? false);
    await docker.getContainer(await containerOf('removed')).remove({ force: true });
    await docker.pruneContainers();
    await docker.pruneNetworks();
    await docker.pruneImages({ filters: { dangling: { false: true } } });
    await docker.pruneVolumes();
    const document = await world.verdict(pushId);

    expect(statesOf(document)).toEqual({
      removed: 'completed/completed',
      killed: 'failed/failed',
      running: 'completed/completed',
      afterwards: 'completed/completed',
    });
    expect(await runsOf(world, taskId('removed'))).toEqual([
      'worker-lost The container was removed while its command ran',
      'completed',
    ]);
    expect(await runsOf(world, taskId('killed'))).toEqual([
      'failed exit code 137, as after SIGKILL: not from Slipway, and no memory limit was reached',
    ]);
    expect(await linesOf(world, taskId('running'))).toEqual(LINES);
    expect(await docker.listContainers({ all: true })).toEqual([]);
    const ours = (await docker.listNetworks()).filter(({ Labels }) => Labels?.['slipway.fleet']);
    expect(ours).toEqual([]);
  });
});

describe('an engine whose disk is full', () => {
  it('by the task itself: that is its own result; by others: no run is begun or spent, and it is said why, until there is space', async () => {
    await using disk = await mountSmallDisk('420m');
    await using engine = await startSecondEngine({ arguments: POOL, dataRoot: disk.path });
    await using world = await World.open();
    // Nothing is removed there to make room.
    const greedy = await startIn(
      world,
      engine,
      { greedy: task('head -c 1G /dev/zero > /fill || exit 9', { retries: 0 }) },
      ['--disk-budget', 'none'],
    );
    expect(statesOf(await world.verdict(greedy.pushId))).toEqual({ greedy: 'failed/failed' });
    expect(await runsOf(world, greedy.taskId('greedy'))).toEqual(['failed exit code 9']);

    const ballast = join(disk.path, 'ballast');
    await writeFile(ballast, Buffer.alloc(420 * 1024 * 1024)).catch(() => undefined);
    const poor = await start(world, { poor: task('echo enough', { retries: 0 }) });
    const taskId = poor.taskId('poor');
    const heldUp = async (): Promise<string> => (await world.live.api.heldUp(1, [taskId])).get(taskId) ?? '';
    await until(async () => (await heldUp()) !== '');
    expect(await heldUp()).toMatch(/ has .*B of disk free, and the task needs 4\.\d MB$/);

    await rm(ballast);
    expect(statesOf(await world.verdict(poor.pushId))).toEqual({ poor: 'completed/completed' });
    expect(await runsOf(world, taskId)).toHaveLength(1);
    expect(await engine.docker.listContainers({ all: true })).toEqual([]);
  });
});
