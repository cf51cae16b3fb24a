import { randomUUID } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { Context } from '@temporalio/activity';
import type { WorkflowBundle } from '@temporalio/worker';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { fileURLToPath } from 'node:url';
import { endRoundBefore } from '../../activities/cancel-tasks.ts';
import { requestImages } from '../../activities/request-images.ts';
import { supersede } from '../../activities/supersede.ts';
import { settle } from '../../activities/settle.ts';
import type {
  BuilderActivities,
  ClaimActivities,
  ControlActivities,
  RunnerActivities,
  SettleActivities,
} from '../../activities/contracts.ts';
import { imageTaskId, pushId as pushIdOf } from '../../model/pure/ids.ts';
import type { EndedTask } from '../../model/pure/claim-payloads.ts';
import type { GraphTask } from '../../model/pure/graph-pages.ts';
import { graphPage } from '../../model/pure/graph-pages.ts';
import type {
  ContainerResult,
  ExaminedImage,
  GraphImage,
  PlannedPush,
  PushInput,
  PlanPushInput,
  RecordImageInput,
  RecordPushInput,
  RecordRunInput,
  SaveArtifactsInput,
  SavedArtifacts,
  UnstartedTask,
} from '../../model/pure/payloads.ts';
import type { Rerun } from '../../model/pure/rerun.ts';
import { REFUSED } from '../../model/pure/rerun.ts';
import type { BuiltImage } from '../../model/pure/built-image.ts';
import type { Settled } from '../../model/pure/settle-payloads.ts';
import type { ImportBaseInput, RefreshInput, RenewedBase } from '../../model/pure/base-payloads.ts';
import { renewalKey } from '../../model/pure/base-payloads.ts';
import type { Plan, StoredImage } from '../../model/schema/plan.ts';
import type { PushOutcome } from '../../workflows/push.ts';
import { composeDocument } from '../../steps/push-document.ts';
import { receivePush } from '../../steps/receive-push.ts';
import { PlanCache } from '../../steps/plan-cache.ts';
import { createStore } from '../../store/create-store.ts';
import { createMemoryObjectStore } from '../../store/memory-object-store.ts';
import * as searchAttributes from '../../model/pure/search-attributes.ts';
import { requireEnv } from './require-env.ts';

export const STORED: StoredImage = {
  manifestDigest: `sha256:${'a'.repeat(64)}`,
  configDigest: `sha256:${'b'.repeat(64)}`,
  diffIds: [],
  sizeBytes: 1,
};

/** Another one of the same content. */
export const REBUILT: StoredImage = { ...STORED, manifestDigest: `sha256:${'c'.repeat(64)}` };

// Warnings of expected failures would drown the failures that are not.
Runtime.install({ logger: new DefaultLogger('ERROR') });

/** For a server on which a push of few tasks is long. */
export const SHORT_HISTORIES = { 'limit.historyCount.suggestContinueAsNew': 60 };

/** A Temporal server of its own for one test file; `settings` are of its dynamic configuration. */
export async function createEnvironment(
  settings: Readonly<Record<string, number>> = {},
): Promise<TestWorkflowEnvironment> {
  const configured = Object.entries(settings).flatMap(([name, value]) => [
    '--dynamic-config-value',
    `${name}=${value}`,
  ]);
  const server = {
    executable: {
      type: 'existing-path' as const,
      path: requireEnv('SLIPWAY_TEST_TEMPORAL_CLI', 'the temporal CLI'),
    },
    searchAttributes: Object.values(searchAttributes),
    extraArgs: [
      '--sqlite-pragma',
      'journal_mode=WAL',
      '--sqlite-pragma',
      'synchronous=NORMAL',
      ...configured,
    ],
  };
  const create = (): Promise<TestWorkflowEnvironment> => TestWorkflowEnvironment.createLocal({ server });
  // The SDK gives a server five seconds, which are few on a busy machine.
  return create().catch(create).catch(create);
}

let bundle: Promise<WorkflowBundle> | undefined;

export function testBundle(): Promise<WorkflowBundle> {
  bundle ??= bundleWorkflowCode({
    logger: new DefaultLogger('ERROR'),
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
  });
  return bundle;
}

/** The workflows as they are, but that all the time of planning is over after three seconds. */
export function impatientBundle(): Promise<WorkflowBundle> {
  return interceptedBundle('impatient');
}

/** The workflows as they are, but that no machine answers once a run is claimed, and all are known to be away after a second. */
export function deafFleetBundle(): Promise<WorkflowBundle> {
  return interceptedBundle('deaf-fleet');
}

function interceptedBundle(fixture: string): Promise<WorkflowBundle> {
  return bundleWorkflowCode({
    logger: new DefaultLogger('ERROR'),
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    workflowInterceptorModules: [
      fileURLToPath(new URL(`../fixtures/${fixture}/interceptors.ts`, import.meta.url)),
    ],
  });
}

/** The push as it is, and tasks that complete as soon as they begin. */
export function quickTasksBundle(): Promise<WorkflowBundle> {
  return bundleWorkflowCode({
    logger: new DefaultLogger('ERROR'),
    workflowsPath: fileURLToPath(new URL('../fixtures/quick-tasks/workflows.ts', import.meta.url)),
  });
}

type Saved = Pick<SavedArtifacts, 'missing'>;
type Activities = ControlActivities &
  SettleActivities &
  BuilderActivities &
  ClaimActivities &
  RunnerActivities;

/** What the fakes do, and what they saw. Real: workflows, server, signals between them. */
export class World {
  readonly builds: string[] = [];
  readonly imageRecords: RecordImageInput[] = [];
  readonly runRecords: RecordRunInput[] = [];
  readonly pushRecords: RecordPushInput[] = [];
  readonly unstarted: UnstartedTask[] = [];
  readonly started: string[] = [];
  readonly killed: string[] = [];
  readonly indexed = new Set<string>();
  readonly importedBases: string[] = [];
  /** Gives the reason why a base is not to be had. */
  importBase: (input: ImportBaseInput) => string | undefined = () => undefined;
  readonly renewedBases: string[] = [];
  /** Builds that were to take no step from a cache. */
  /** What builds tell beyond the usual. */
  builtFacts: Partial<BuiltImage> = {};
  readonly freshBuilds: string[] = [];
  plan: (round: number) => PlannedPush = () => ({
    outcome: 'rejected',
    reason: 'completed',
    detail: 'nothing',
  });
  /** The same by who pushes, where it is set. */
  planOf: ((push: PushInput) => PlannedPush) | undefined;
  beforePlan: (input: { readonly pushId: string }) => Promise<void> = () => Promise.resolve();
  plans = 0;
  readonly reruns: Rerun[] = [];
  readonly setBack: string[] = [];
  /** Labels of tasks that may not run again. */
  readonly refused = new Set<string>();
  /** What the index has of an image that was built, and what a build makes. */
  newest = STORED;
  /** Label and manifest digest of each image that was loaded for a task. */
  readonly loaded: string[] = [];
  readonly graphs = new Map<string, readonly GraphTask[]>();
  readonly planInputs: PlanPushInput[] = [];
  parents = new Map<string, { taskId: string; name: string; force?: boolean }>();
  build: (name: string, attempt: number) => Promise<void> = () => Promise.resolve();
  find: (input: { readonly force: boolean }) => Promise<void> = () => Promise.resolve();
  onRecordPush: (input: RecordPushInput) => Promise<void> = () => Promise.resolve();
  onUnstarted: (tasks: readonly UnstartedTask[]) => void = () => undefined;
  recordImage: (input: RecordImageInput) => Promise<void> = () => Promise.resolve();
  /** What loading an image meets first. */
  beforeLoad: (label: string) => Promise<void> = () => Promise.resolve();
  examine: () => Promise<ExaminedImage> = () => Promise.resolve({ blob: 'removed' });
  run: (label: string, run: number) => Promise<Partial<ContainerResult>> = () => Promise.resolve({});
  save: (label: string, ended: Pick<SaveArtifactsInput, 'exitCode'>) => Saved | Promise<Saved> = () => ({
    missing: [],
  });
  /** The engine whose worker answers a claim: another one takes over what nobody carries on. */
  answeredBy: () => string = () => 'other';
  queueOf: (label: string, run: number) => string = () => 'runner-1@engine';
  /** The queue of another engine that is said to have the image of a task. */
  heldBy: (label: string) => string | undefined = () => undefined;
  hasNoSlot = false;
  /** What a claim meets first. */
  beforeClaim: () => Promise<void> = () => Promise.resolve();
  /** The end that the record of a task has when it is to be claimed. */
  endedAs: (label: string) => EndedTask['ended'] | undefined = () => undefined;
  /** Label and queue of each claim that was tried. */
  readonly claims: string[] = [];
  readonly env: TestWorkflowEnvironment;
  /** What settling looks at; the fakes leave their records in this world only. */
  readonly store = createStore(createMemoryObjectStore());

  constructor(env: TestWorkflowEnvironment) {
    this.env = env;
  }

  activities(): Activities {
    return {
      planPush: async (input) => {
        if (input.push.again && !input.replanned) await this.#endRoundBefore(input.pushId);
        await this.beforePlan(input);
        this.planInputs.push(input);
        const planned = this.planOf?.(input.push) ?? this.plan(this.plans++);
        if (planned.outcome !== 'planned') return planned;
        // As on a worker: the tasks stay in the store, and the workflow reads them from there.
        const { tasks = [], ...rest } = planned;
        this.graphs.set(input.pushId, tasks);
        return rest;
      },
      // As planPush: what a test plans says of the tasks that stay as they are how they ended.
      reopenPush: async (input) => {
        await this.#endRoundBefore(input.pushId);
        this.reruns.push(input.rerun);
        const planned = this.plan(this.plans++);
        if (planned.outcome !== 'planned') throw new Error('A push is opened again by a plan');
        const { tasks = [], ...rest } = planned;
        this.graphs.set(input.pushId, tasks);
        return rest;
      },
      supersede: (input) => {
        const deps = { client: this.env.client, store: this.store };
        return supersede(deps, input, Context.current().cancellationSignal);
      },
      setBack: ({ labels, mayRefuse }) => {
        const isRefused = (label: string): boolean => mayRefuse === true && this.refused.has(label);
        this.setBack.push(...labels.filter((label) => !isRefused(label)));
        return Promise.resolve(labels.map((label) => (isRefused(label) ? REFUSED : this.runsOf(label))));
      },
      loadGraph: ({ pushId, from }) => {
        const tasks = this.graphs.get(pushId) ?? [];
        const places = new Map(tasks.map(({ label }, place) => [label, place]));
        return Promise.resolve(graphPage(tasks, from, (label) => places.get(label) ?? -1));
      },
      requestImages: (input) => requestImages(this.env.client, input),
      examineImage: () => this.examine(),
      findImage: async (input) => {
        await this.find(input);
        const parent = this.parents.get(input.name);
        if (this.indexed.has(input.taskId) && !input.force) return { stored: this.newest, nextRun: 1 };
        return { nextRun: 0, ...(parent ? { parent } : {}) };
      },
      recordImage: async (input) => {
        this.imageRecords.push(input);
        await this.recordImage(input);
        if (input.built) this.indexed.add(input.taskId);
      },
      recordRun: (input) => {
        this.runRecords.push(input);
        return Promise.resolve();
      },
      recordUnstarted: (input) => {
        this.unstarted.push(...input.tasks);
        this.onUnstarted(input.tasks);
        return Promise.resolve();
      },
      recordPush: async (input) => {
        this.pushRecords.push(input);
        await this.onRecordPush(input);
      },
      settle: (input) => {
        const deps = { client: this.env.client, store: this.store, plans: new PlanCache(this.store) };
        return beating(settle(deps, input, { signal: Context.current().cancellationSignal }));
      },
      importBase: (input) => {
        this.importedBases.push(input.reference);
        const unavailable = this.importBase(input);
        return Promise.resolve(unavailable === undefined ? {} : { unavailable });
      },
      renewBase: (input) => {
        this.renewedBases.push(renewalKey(input));
        return Promise.resolve({ stored: STORED, resolved: '2026-01-02T00:00:00.000Z' });
      },
      authorizeRefresh: ({ project }) => Promise.resolve({ domain: project }),
      buildImage: async (input) => {
        this.builds.push(input.name);
        if (input.fresh) this.freshBuilds.push(input.name);
        await this.build(input.name, Context.current().info.attempt);
        const facts = { steps: 1, cachedSteps: 0, phases: {}, worker: 'w', engineId: 'engine', started: '' };
        return { stored: this.newest, bytesUploaded: 7, ...facts, ...this.builtFacts };
      },
      claimRun: async (input) => {
        const { taskQueue } = Context.current().info;
        this.claims.push(`${input.task.label} on ${taskQueue}`);
        await this.beforeClaim();
        const ended = input.mayHaveEnded ? this.endedAs(input.task.label) : undefined;
        if (ended) return { ended };
        const heldBy = 'mayRefer' in input ? this.heldBy(input.task.label) : undefined;
        if (heldBy !== undefined) return { heldBy } as never;
        if (taskQueue !== 'runner-1' && this.hasNoSlot) throw failure('MachineBusy');
        return {
          queue: this.queueOf(input.task.label, input.run),
          engineId: 'engine',
          worker: 'w',
          answeredBy: this.answeredBy(),
        };
      },
      loadImage: async ({ task: { label, image } }) => {
        await this.beforeLoad(label);
        if (image) this.loaded.push(`${label} ${image.manifestDigest}`);
        return { engineImageId: 'sha256:1', bytesLoaded: 0, imageMs: 1 };
      },
      runContainer: async ({ task, run }) => {
        this.started.push(`${task.label}#${run}`);
        try {
          const result = await this.run(task.label, run);
          return { reason: 'completed', exitCode: 0, prepareMs: 1, runMs: 1, ...result };
        } catch (error) {
          if (Context.current().cancellationSignal.aborted) this.killed.push(task.label);
          throw error;
        }
      },
      saveArtifacts: async (input) => ({
        artifacts: [],
        uploadMs: 1,
        bytesUploaded: 0,
        ...(await this.save(input.task.label, input)),
      }),
    };
  }

  /** As on a worker. */
  #endRoundBefore(pushId: string): Promise<void> {
    const context = { signal: Context.current().cancellationSignal, onProgress: () => undefined };
    return beating(endRoundBefore(this.env, pushId, context));
  }

  /** Runs workers of all of level 1's queues while `work` goes on. */
  async during<T>(work: () => Promise<T>, bundled = testBundle()): Promise<T> {
    const workflowBundle = await bundled;
    const common = {
      connection: this.env.nativeConnection,
      activities: this.activities(),
      maxHeartbeatThrottleInterval: 100,
      defaultHeartbeatThrottleInterval: 100,
    };
    const workers = await Promise.all([
      Worker.create({ ...common, workflowBundle, taskQueue: 'control-1' }),
      ...['builder-1', 'runner-1', 'runner-dind-1', 'runner-1@engine'].map((taskQueue) =>
        Worker.create({ ...common, taskQueue }),
      ),
    ]);
    const running = workers.map((worker) => worker.run());
    try {
      return await work();
    } finally {
      for (const worker of workers) worker.shutdown();
      await Promise.all(running);
    }
  }

  async startPush(
    push: PushInput = aPush(),
  ): Promise<{ id: string; result(): Promise<PushOutcome>; cancel(): Promise<unknown> }> {
    const id = pushIdOf(push);
    const handle = await this.env.client.workflow.start('push', {
      workflowId: id,
      taskQueue: 'control-1',
      args: [push],
    });
    return { id, result: () => handle.result() as Promise<PushOutcome>, cancel: () => handle.cancel() };
  }

  /** Makes the history of a push as long as one with {@link SHORT_HISTORIES} may be. */
  async lengthen(pushId: string): Promise<void> {
    const push = this.env.client.workflow.getHandle(pushId);
    const resolved = { label: 'nobody', state: 'completed', reason: 'completed' };
    for (let signals = 0; signals < 60; signals++) await push.signal('taskResolved', resolved);
  }

  /** A base that somebody has resolved anew. */
  async refresh(reference: string): Promise<{ id: string; renewed: RenewedBase }> {
    const id = `refresh/demo/1/${reference}`;
    const input: RefreshInput = { project: 'demo', level: 1, platform: 'linux/amd64', reference };
    const renewed = (await this.env.client.workflow.execute('refresh', {
      workflowId: id,
      taskQueue: 'control-1',
      args: [input],
    })) as RenewedBase;
    return { id, renewed };
  }

  /** One look for what ended without a word, as the schedule starts it. */
  async settle(): Promise<Settled> {
    return (await this.env.client.workflow.execute('settle', {
      workflowId: `settle/1-${randomUUID()}`,
      taskQueue: 'control-1',
      args: [{ level: 1 }],
    })) as Settled;
  }

  /** What planning leaves in the store: the push's record, its plan, a status without a verdict. */
  async recordPlanned(push: PushInput, tasks: readonly GraphTask[]): Promise<void> {
    const record = await receivePush(this.store, { push, pushId: pushIdOf(push) }, 'demo');
    const plan: Plan = {
      ...push,
      version: 1,
      pushId: record.pushId,
      plannedAt: PLANNED_AT,
      domain: 'demo',
      warnings: [],
      images: [],
      tasks: tasks.map(plannedTask),
      skipped: [],
    };
    await this.store.pushes.writePlan(plan);
    await this.store.pushes.writeStatus(
      composeDocument({ record, plan, findings: [], outcomes: [], taskRecords: new Map() }),
    );
  }

  runsOf(label: string): number {
    return new Set(this.runRecords.filter(({ task }) => task.label === label).map(({ run }) => run)).size;
  }

  lastRecord(): RecordPushInput {
    const last = this.pushRecords.at(-1);
    if (!last) throw new Error('The push was not recorded');
    return last;
  }

  stateOf(label: string): string {
    const started = this.runRecords.filter((record) => record.task.label === label && record.final).at(-1);
    if (started) return `${started.state}/${started.reason}`;
    const unstarted = this.unstarted.find((task) => task.label === label);
    return unstarted ? `unstarted/${unstarted.reason}` : 'unknown';
  }
}

export function aPush(): PushInput {
  return {
    project: 'demo',
    level: 1,
    repository: 'file:///srv/demo.git',
    ref: 'refs/heads/main',
    revision: randomUUID().replaceAll('-', '').padEnd(40, '0'),
    request: {},
    pushedBy: 'somebody',
    received: new Date().toISOString(),
  };
}

export function aTask(label: string, options: Partial<GraphTask> = {}): GraphTask {
  return {
    label,
    dependencies: [],
    requires: 'all-completed',
    firstRun: 0,
    retries: 2,
    deadlineSeconds: 3600,
    maxRunTimeSeconds: 60,
    priority: 5,
    ...options,
  };
}

export function anImage(name: string, options: Partial<GraphImage> = {}): GraphImage {
  const imageHash = randomUUID().replaceAll('-', '');
  return {
    name,
    taskId: imageTaskId({ domain: 'demo', level: 1, name, imageHash }),
    action: 'build',
    force: false,
    ...options,
  };
}

const PLANNED_AT = '2026-01-01T00:00:00.000Z';

export function planned(tasks: readonly GraphTask[], images: readonly GraphImage[] = []): PlannedPush {
  return { outcome: 'planned', plannedAt: PLANNED_AT, tasks, images };
}

/** The task as the plan in the store has it. */
function plannedTask({
  label,
  dependencies,
  requires,
  retries,
  deadlineSeconds,
  maxRunTimeSeconds,
}: GraphTask): Plan['tasks'][number] {
  return {
    label,
    description: '',
    image: { type: 'docker-image', name: 'debian:bookworm' },
    env: {},
    maxRunTimeSeconds,
    artifacts: {},
    inputs: {},
    dependencies: [...dependencies],
    requires,
    priority: 'lowest',
    retries,
    deadlineSeconds,
    retryExitCodes: [],
    resources: { pids: 1, shmBytes: 1 },
    checkout: null,
    why: '',
  };
}

/** A failure as `toFailure` makes it. */
export function failure(type: string, retryable = false): ApplicationFailure {
  return ApplicationFailure.create({ message: `it was ${type}`, type, nonRetryable: !retryable });
}

/** Waits for the cancel of the activity that calls it, beating. */
export function untilCancelled(): Promise<never> {
  return beating(Context.current().cancelled);
}

/** Lets the activity that calls it beat while it waits for that. */
export async function beating<T>(work: Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat(), 50);
  try {
    return await work;
  } finally {
    clearInterval(beat);
  }
}

export async function until(holds: () => boolean | Promise<boolean>, patienceMs = 80_000): Promise<void> {
  const end = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('It did not come to hold');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
