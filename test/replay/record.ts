/**
 * Records histories for the replay test: `npm run record-histories`. Run it when a workflow gets a new path that must
 * stay replayable; files that are there are kept, since they stand for workflows that run already.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowBundle } from '@temporalio/worker';
import { taskIdIn } from '../../model/pure/ids.ts';
import type { PlannedPush, PushInput } from '../../model/pure/payloads.ts';
import { findTool } from '../../stack/tool.ts';
import { TEMPORAL_TOOL } from '../../stack/temporal-tool.ts';
import {
  aPush,
  anImage,
  aTask,
  beating,
  createEnvironment,
  deafFleetBundle,
  failure,
  planned,
  SHORT_HISTORIES,
  STORED,
  until,
  untilCancelled,
  World,
} from '../helpers/workflow-world.ts';

const HISTORIES = fileURLToPath(new URL('./histories', import.meta.url));

/** A workflow, or one of its runs that is not the last. */
type Recorded = string | { readonly workflowId: string; readonly runId: string };
type Scene = (world: World, push: PushInput) => Promise<Readonly<Record<string, Recorded>>>;

/** Each scene gives the files to write and the workflow ids that they hold. */
const scenes: readonly Scene[] = [
  async (world, push) => {
    const [base, lint] = [anImage('base'), anImage('lint')];
    world.parents.set('lint', { taskId: base.taskId, name: 'base' });
    world.plan = (round) =>
      round === 0
        ? { outcome: 'bases-missing', bases: ['debian:bookworm'], domain: 'demo', platform: 'linux/amd64' }
        : planned(
            [aTask('a', { image: 'base' }), aTask('b', { image: 'lint', dependencies: ['a'] }), aTask('c')],
            [base, lint],
          );
    const started = await world.startPush(push);
    await started.result();
    return {
      'push/builds-and-runs.json': started.id,
      'image/built-on-a-parent.json': lint.taskId,
      'image/built.json': base.taskId,
      'task/completed.json': `${started.id.replace('push/', 'task/')}/a`,
    };
  },
  async (world, push) => {
    const broken = anImage('broken');
    world.plan = () =>
      planned(
        [aTask('a', { image: 'broken' }), aTask('b', { dependencies: ['a'] }), aTask('again')],
        [broken],
      );
    world.build = () => Promise.reject(failure('ImageBuildFailed'));
    world.run = (_label, run) =>
      Promise.resolve(run === 0 ? { reason: 'intermittent-task', exitCode: 75 } : {});
    const started = await world.startPush(push);
    await started.result();
    return {
      'push/image-build-failed.json': started.id,
      'image/build-failed.json': broken.taskId,
      'task/second-run.json': `${started.id.replace('push/', 'task/')}/again`,
    };
  },
  async (world, push) => {
    const slow = anImage('slow');
    world.plan = () => planned([aTask('running'), aTask('imaged', { image: 'slow' })], [slow]);
    world.run = () => untilCancelled();
    world.build = () => untilCancelled();
    const started = await world.startPush(push);
    await until(() => world.started.includes('running#0') && world.builds.includes('slow'));
    await started.cancel();
    await started.result().catch(() => undefined);
    await until(() => world.imageRecords.length > 0);
    return {
      'push/cancelled.json': started.id,
      'image/taken-back.json': slow.taskId,
      'task/cancelled.json': `${started.id.replace('push/', 'task/')}/running`,
    };
  },
  async (world, push) => {
    const [base, lint] = [anImage('base', { force: true }), anImage('lint', { force: true })];
    world.parents.set('lint', { taskId: base.taskId, name: 'base', force: true });
    world.plan = (round) =>
      round === 0
        ? {
            outcome: 'bases-missing',
            bases: [],
            renew: [{ platform: 'linux/amd64', reference: 'debian:bookworm', tracked: true }],
            domain: 'demo',
            platform: 'linux/amd64',
          }
        : planned([aTask('a', { image: 'lint' })], [base, lint]);
    const started = await world.startPush(push);
    await started.result();
    const refreshed = await world.refresh('debian:bookworm');
    return {
      'push/renews-and-rebuilds.json': started.id,
      'image/rebuilt-on-a-parent.json': lint.taskId,
      'refresh/refreshed.json': refreshed.id,
    };
  },
  async (world, push) => {
    const tasks = [aTask('running')];
    world.plan = () => planned(tasks);
    world.run = () => untilCancelled();
    await world.recordPlanned(push, tasks);
    const started = await world.startPush(push);
    await until(() => world.started.includes('running#0'));
    await world.env.client.workflow.getHandle(started.id).terminate();
    await world.env.client.workflow.execute('settle', {
      workflowId: 'settle/1',
      taskQueue: 'control-1',
      args: [{ level: 1 }],
    });
    return { 'settle/settled.json': 'settle/1' };
  },
  async (world, push) => {
    const image = anImage('tools');
    const ended = { state: 'completed', reason: 'completed' } as const;
    world.plan = (round) => {
      const decision = aTask('decision', { image: 'tools', ...(round === 0 ? {} : { ended }) });
      const printed = aTask('printed', { image: 'tools', dependencies: ['decision'] });
      const plan = planned(round === 0 ? [decision] : [decision, printed], [image]);
      return round === 0 && plan.outcome === 'planned' ? { ...plan, decides: true } : plan;
    };
    const started = await world.startPush(push);
    await started.result();
    return { 'push/decides.json': started.id };
  },
  async (world, push) => {
    const tasks = [aTask('slow'), aTask('broken'), aTask('after', { dependencies: ['broken'] })];
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    world.plan = () => planned(tasks);
    world.run = async (label, run) => {
      if (label === 'slow') await opened;
      return label === 'broken' && run === 0 ? { reason: 'failed', exitCode: 1 } : {};
    };
    const started = await world.startPush(push);
    await until(() => world.unstarted.length === 1);
    await world.env.client.workflow
      .getHandle(started.id)
      .signal('rerun', { tasks: 'failed', downstream: false });
    await until(() => world.stateOf('after') === 'completed/completed');
    open();
    await started.result();
    return { 'push/runs-tasks-again.json': started.id };
  },
  async (world, push) => {
    const ended = { state: 'completed', reason: 'completed' } as const;
    world.plan = () => planned([aTask('good', { ended }), aTask('again', { firstRun: 1 })]);
    const rerun = { tasks: ['again'], downstream: false };
    const started = await world.startPush({ ...push, rerun, round: 2 });
    await started.result();
    return { 'push/opened-again.json': started.id };
  },
  async (world, push) => {
    const ended = { state: 'completed', reason: 'completed' } as const;
    const before = { outcome: 'built', bytesUploaded: 1, manifestDigest: STORED.manifestDigest } as const;
    const kept = anImage('kept', { action: 'keep', stored: STORED, before: { name: 'kept', ...before } });
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    world.indexed.add(kept.taskId);
    world.plan = () =>
      planned([aTask('imaged', { image: 'kept', firstRun: 1, ended }), aTask('again')], [kept]);
    world.run = async (label) => {
      if (label === 'again') await opened;
      return {};
    };
    const rerun = { tasks: ['again'], downstream: false };
    const started = await world.startPush({ ...push, rerun, round: 2 });
    await until(() => world.started.includes('again#0'));
    await world.env.client.workflow
      .getHandle(started.id)
      .signal('rerun', { tasks: ['imaged'], downstream: false });
    await until(() => world.stateOf('imaged') === 'completed/completed');
    open();
    await started.result();
    return { 'push/takes-recorded.json': started.id };
  },
  async (world, push) => {
    world.plan = () => planned([aTask('engine', { dind: true })]);
    world.run = (_label, run) =>
      Promise.resolve(run === 0 ? { reason: 'intermittent-task', exitCode: 4 } : {});
    const started = await world.startPush(push);
    await started.result();
    return { 'task/private-engine.json': `${started.id.replace('push/', 'task/')}/engine` };
  },
  async (world, push) => {
    world.plan = () => planned([aTask('away')]);
    world.run = (_label, run) =>
      run === 0 ? Promise.reject(failure('RepositoryUnavailable')) : Promise.resolve({});
    const started = await world.startPush(push);
    await started.result();
    return { 'task/runs-again-without-repository.json': `${started.id.replace('push/', 'task/')}/away` };
  },
  async (world, push) => {
    const [slow, image] = [aTask('slow'), anImage('never')];
    world.plan = () =>
      planned(
        [
          slow,
          aTask('late', { dependencies: ['slow'], deadlineSeconds: 2 }),
          aTask('unwanted', { image: 'never' }),
          aTask('lost'),
        ],
        [image],
      );
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    world.build = () => untilCancelled();
    world.run = async (label) => {
      if (label === 'lost') throw failure('ContainerLost');
      await opened;
      return {};
    };
    const started = await world.startPush(push);
    const lost = `${started.id.replace('push/', 'task/')}/lost`;
    await until(() => world.runRecords.length === 1);
    await world.env.client.workflow.getHandle(lost).cancel();
    await world.env.client.workflow.getHandle(started.id).signal('cancelTasks', { labels: ['unwanted'] });
    await until(() => world.unstarted.length === 3);
    open();
    await started.result();
    return { 'push/ends-what-waits.json': started.id, 'task/cancelled-between-runs.json': lost };
  },
  async (world, push) => {
    const tasks = [aTask('task')];
    const newer = { ...push, revision: 'f'.repeat(40), received: '2100-01-01T00:00:00.000Z' };
    world.beforePlan = async () => {
      for (const each of [newer, push]) await world.recordPlanned(each, tasks);
    };
    world.plan = () => ({ ...planned(tasks), supersedes: true }) as PlannedPush;
    const started = await world.startPush(push);
    await started.result();
    return { 'push/planned-after-a-newer-one.json': started.id };
  },
  async (world, push) => {
    world.plan = (round) => planned([aTask('t', { firstRun: round })]);
    world.run = (_label, run) => (run === 0 ? untilCancelled() : Promise.resolve({}));
    const before = await world.startPush(push);
    await until(() => world.started.includes('t#0'));
    await world.env.client.workflow.getHandle(before.id).terminate();
    const started = await world.startPush({ ...push, again: true, round: 2 });
    await started.result();
    return { 'push/ends-the-round-before.json': started.id };
  },
  async (world, push) => {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    world.plan = () => planned([aTask('slow'), aTask('waits', { dependencies: ['slow'] })], [anImage('one')]);
    world.run = async (label) => {
      if (label === 'slow') await opened;
      return {};
    };
    world.onRecordPush = async ({ pushId, verdict }) => {
      if (verdict) return;
      const handle = world.env.client.workflow.getHandle(pushId);
      await handle.signal('cancelTasks', { labels: ['waits'] });
      await handle.signal('rerun', { tasks: ['waits'], downstream: false });
    };
    const started = await world.startPush(push);
    await until(() => world.setBack.includes('waits'));
    open();
    await started.result();
    return { 'push/cancels-before-it-reruns.json': started.id };
  },
];

/** The same of pushes that are long. */
const longScenes: readonly Scene[] = [
  async (world, push) => {
    world.plan = () => planned([aTask('t', { image: 'one' })], [anImage('one')]);
    world.onRecordPush = async ({ pushId, verdict }) => {
      if (verdict) return;
      await beating(world.lengthen(pushId));
      await world.env.client.workflow.getHandle(pushId).cancel();
    };
    const started = await world.startPush(push);
    await started.result().catch(() => undefined);
    return { 'push/cancelled-before-it-goes-on.json': started.id };
  },
  async (world, push) => {
    world.plan = () => planned([aTask('lost'), aTask('t', { image: 'one' })], [anImage('one')]);
    world.run = (label) => (label === 'lost' ? untilCancelled() : Promise.resolve({}));
    world.build = () => beating(until(() => world.started.includes('lost#0')));
    world.onRecordPush = async ({ pushId, verdict }) => {
      if (verdict) return;
      await world.env.client.workflow.getHandle(taskIdIn(pushId, 'lost')).terminate();
      await beating(world.lengthen(pushId));
    };
    const started = await world.startPush(push);
    const first = await runOf(world, started.id);
    await started.result();
    return { 'push/records-before-it-goes-on.json': first };
  },
  async (world, push) => {
    const ended = { state: 'completed', reason: 'completed' } as const;
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    world.plan = () =>
      planned(
        [aTask('again'), aTask('imaged', { image: 'kept', ended })],
        [anImage('kept', { action: 'keep' })],
      );
    world.run = async (label) => {
      if (label === 'again') await beating(opened);
      return {};
    };
    world.build = () => beating(opened);
    const started = await world.startPush({
      ...push,
      rerun: { tasks: ['again'], downstream: false },
      round: 2,
    });
    const first = await runOf(world, started.id);
    await until(() => world.started.includes('again#0'));
    await world.env.client.workflow
      .getHandle(started.id)
      .signal('rerun', { tasks: ['imaged'], downstream: false });
    await until(() => world.builds.includes('kept'));
    await world.lengthen(started.id);
    await until(async () => (await runOf(world, started.id)).runId !== first.runId);
    open();
    await started.result();
    return {
      'push/goes-on-while-an-image-is-reopened.json': first,
      'push/went-on-while-an-image-was-reopened.json': started.id,
    };
  },
];

/** The same of a run that nobody carries on. */
const deafScenes: readonly Scene[] = [
  async (world, push) => {
    world.plan = () => planned([aTask('waits')]);
    const started = await world.startPush(push);
    const taskId = taskIdIn(started.id, 'waits');
    const { workflow } = world.env.client;
    await until(() => world.claims.length === 1);
    await until(async () => {
      const { events } = await workflow.getHandle(taskId).fetchHistory();
      return (events ?? []).filter((event) => event.timerStartedEventAttributes).length === 3;
    });
    await workflow.getHandle(taskId).cancel();
    await started.result();
    return { 'task/waits-while-nobody-answers.json': taskId };
  },
];

async function runOf(world: World, workflowId: string): Promise<Exclude<Recorded, string>> {
  const { runId } = await world.env.client.workflow.getHandle(workflowId).describe();
  return { workflowId, runId };
}

/** Stack traces name places of the machine that recorded, and replay does not look at them. */
function withoutStacks(key: string, value: unknown): unknown {
  return key === 'stackTrace' ? '' : value;
}

// As the suite does for its parts: here nothing has set it.
const temporal = await findTool(TEMPORAL_TOOL, { env: process.env, signal: AbortSignal.timeout(60_000) });
process.env['SLIPWAY_TEST_TEMPORAL_CLI'] ??= temporal ?? '';
await recordAll(scenes);
await recordAll(longScenes, { settings: SHORT_HISTORIES });
await recordAll(deafScenes, { bundle: deafFleetBundle() });

async function recordAll(
  of: readonly Scene[],
  {
    settings,
    bundle,
  }: {
    readonly settings?: Parameters<typeof createEnvironment>[0];
    readonly bundle?: Promise<WorkflowBundle>;
  } = {},
): Promise<void> {
  const env = await createEnvironment(settings);
  try {
    for (const scene of of) {
      const world = new World(env);
      const recorded = await world.during(() => scene(world, aPush()), bundle);
      for (const [file, workflow] of Object.entries(recorded)) await keep(env, file, workflow);
    }
  } finally {
    await env.teardown();
  }
}

async function keep({ client }: TestWorkflowEnvironment, file: string, workflow: Recorded): Promise<void> {
  const path = join(HISTORIES, file);
  if (existsSync(path)) return;
  const { workflowId, runId } =
    typeof workflow === 'string' ? { workflowId: workflow, runId: undefined } : workflow;
  const history = historyToJSON(await client.workflow.getHandle(workflowId, runId).fetchHistory());
  await mkdir(dirname(path), { recursive: true });
  await writeFile(
    path,
    `${JSON.stringify({ workflowId, history: JSON.parse(history, withoutStacks) as unknown }, null, 1)}\n`,
  );
  process.stdout.write(`${file}\n`);
}
