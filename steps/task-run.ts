import { RunSuperseded } from '../model/errors.ts';
import { cutDetail } from '../model/pure/cut-text.ts';
import type { ClaimedRun, EndedTask, QueuedRun } from '../model/pure/claim-payloads.ts';
import type { RecordRunInput, RunInput } from '../model/pure/payloads.ts';
import { PRIORITY_KEYS } from '../model/pure/priority.ts';
import { isResolved, TASK_REASONS } from '../model/pure/states.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import type { ArtifactRecord, Phases, RunRecord, TaskRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { mayKeep } from './keep-failed.ts';
import type { MachineRoom } from './machine-room.ts';
import { needsOf } from './machine-room.ts';
import type { PlanCache } from './plan-cache.ts';
import { imageText } from './push-document.ts';
import { isOfRound } from './read-push.ts';
import type { EndLogContext } from './run-log.ts';
import { endLog } from './run-log.ts';
import type { StepContext } from './step-context.ts';
import { expectNotGivenUp } from './step-context.ts';

export interface RunnerIdentity {
  readonly worker: string;
  readonly engineId: string;
  /** The task queue of that engine. */
  readonly queue: string;
}

/**
 * Claims a run for this worker's engine, if its machine has room for it, or gives the claim that is there; the task's record says
 * `running` then.
 * @throws {MachineBusy} when it has none. @throws {RunSuperseded} when the run has ended meanwhile: a late attempt must not make its record say that it goes on.
 */
export async function claimRun(
  {
    store,
    plans,
    identity,
    machine,
  }: {
    readonly store: Store;
    readonly plans: PlanCache;
    readonly identity: RunnerIdentity;
    /** Without it there is room for whatever comes. */
    readonly machine?: MachineRoom;
  },
  { task, run, asked }: QueuedRun,
  context: Pick<StepContext, 'signal' | 'isGivenUp'>,
): Promise<ClaimedRun> {
  const planned = await plans.task(task.pushId, task.plannedAt, task.label);
  const wanted = { taskId: task.taskId, run };
  const priority = PRIORITY_KEYS[planned.priority];
  await machine?.expectFor(wanted, needsOf(planned), priority).catch(async (error: unknown) => {
    // Who stands beside which engine is told also when there is no room for more.
    if ((await store.tasks.findClaim(task.taskId, run)) === undefined) throw error;
    machine.forget(wanted);
  });
  const now = new Date().toISOString();
  const claim = await store.tasks.claim(task.taskId, run, { ...identity, claimed: now });
  const running: RunRecord = {
    run,
    state: 'running',
    worker: claim.worker,
    engineId: claim.engineId,
    started: claim.claimed,
    phases: queuedFor(claim.claimed, asked),
    artifacts: [],
  };
  await store.tasks.change(task.taskId, (present) => {
    if (hasEnded(present, { task, run })) throw new RunSuperseded(task.taskId, run);
    context.signal.throwIfAborted();
    expectNotGivenUp(context);
    // Of one that was claimed before: whoever asks again has not waited for it.
    const before = present?.runs.find((other) => other.run === run)?.phases;
    return {
      ...identityOf(task, planned),
      state: 'running',
      created: present?.created ?? now,
      runs: withRun(present?.runs ?? [], { ...running, phases: { ...running.phases, ...before } }),
    };
  });
  const { queue, engineId, worker } = claim;
  return { queue, engineId, worker, answeredBy: identity.engineId };
}

/** The end that a task has in this round, where its record says one. */
export async function findEnded(
  { tasks }: Pick<Store, 'tasks'>,
  { task }: RunInput,
): Promise<EndedTask | undefined> {
  const record = await tasks.findUsable(task.taskId);
  if (!record?.reason || !isOfRound(record, task) || !isResolved(record.state)) return undefined;
  const { reason, detail } = record;
  return { ended: { reason, ...(detail === undefined ? {} : { detail }) } };
}

/** Of the image, also where it had to be loaded again before a container could be made of it. */
function loadOf({ loaded, result }: RecordRunInput): Pick<RunRecord, 'bytesLoaded' | 'fellBack'> {
  const loads = [loaded, result?.loadedAgain].filter((load) => load !== undefined);
  const reasons = loads.flatMap(({ fellBack }) => (fellBack === undefined ? [] : [fellBack]));
  return {
    bytesLoaded: loads.reduce((sum, { bytesLoaded }) => sum + bytesLoaded, 0),
    ...(reasons.length === 0 ? {} : { fellBack: cutDetail(reasons.join('; ')) }),
  };
}

/** Server and machine have clocks of their own. */
function queuedFor(claimed: string, asked: string | undefined): Phases {
  return asked === undefined ? {} : { queueMs: Math.max(0, Date.parse(claimed) - Date.parse(asked)) };
}

function hasEnded(record: TaskRecord | undefined, { task, run }: RunInput): boolean {
  if (record === undefined) return false;
  if (isOfRound(record, task) && isResolved(record.state)) return true;
  return record.runs.some((other) => other.run > run || (other.run === run && isResolved(other.state)));
}

/**
 * Records how a run ended, and the task with it when it is resolved; ends the run's log. Safe to repeat, also late: a verdict
 * that stands is left alone, and a newer run goes on.
 */
export async function recordRun(
  store: Store,
  plans: PlanCache,
  input: RecordRunInput,
  context: EndLogContext = {},
): Promise<void> {
  const { task, run, state, reason, detail, final } = input;
  const log = await endLog(store, { taskId: task.taskId, run }, lastLine(input), context);
  const now = new Date().toISOString();
  const artifacts = (await artifactsOf(store, input)).filter(({ name }) => name !== log?.name);
  const exitCode = (input.result ?? input.saved?.ran)?.exitCode;
  const { peakMemoryBytes } = input.result ?? input.saved ?? {};
  const ended: RunRecord = {
    run,
    state,
    reason,
    resolved: now,
    ...(detail === undefined ? {} : { detail }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
    ...(input.loaded?.manifestDigest ? { manifestDigest: input.loaded.manifestDigest } : {}),
    ...(input.loaded?.configDigest ? { configDigest: input.loaded.configDigest } : {}),
    ...(input.loaded?.registryDigest ? { registryDigest: input.loaded.registryDigest } : {}),
    ...loadOf(input),
    bytesUploaded: input.saved?.bytesUploaded ?? 0,
    ...(input.saved?.keptUntil !== undefined && mayKeep(input) ? { keptUntil: input.saved.keptUntil } : {}),
    phases: phasesOf(input),
    artifacts: log ? [...artifacts, log] : artifacts,
  };
  const planned = await plans.task(task.pushId, task.plannedAt, task.label);
  let isCompleted = false;
  let counts = ended;
  await store.tasks.change(task.taskId, (present) => {
    expectNotGivenUp(context);
    const isSettled = present && isOfRound(present, task) && isResolved(present.state);
    const isNewest = !present?.runs.some((other) => other.run > run);
    isCompleted = isNewest && (isSettled ? present.state === 'completed' : final && state === 'completed');
    if (isSettled) {
      counts = present.runs.at(-1) ?? ended;
      return present;
    }
    const claimed = present?.runs.find((other) => other.run === run);
    const phases = { ...claimed?.phases, ...ended.phases };
    // Of a push that was reset, which takes the runs before for its own: what came of them stays.
    const isKnown = claimed !== undefined && isResolved(claimed.state);
    counts = isKnown ? claimed : { ...claimed, ...ended, phases };
    const runs = withRun(present?.runs ?? [], counts);
    if (present && !isNewest) return { ...present, runs };
    return {
      ...identityOf(task, planned),
      state: final ? state : 'pending',
      ...(final ? { reason, resolved: now } : {}),
      ...(final && detail !== undefined ? { detail } : {}),
      created: present?.created ?? now,
      runs,
    };
  });
  if (!isCompleted || !planned.routes?.length) return;
  const plan = await plans.plan(task.pushId, task.plannedAt);
  await recordRoutes(store, { plan, planned, ended: counts }, task);
}

function phasesOf({ loaded, imageMs = loaded?.imageMs, result, saved }: RecordRunInput): Phases {
  return {
    ...(imageMs === undefined ? {} : { imageMs }),
    ...(result ? { prepareMs: result.prepareMs, runMs: result.runMs } : {}),
    // Of a command that came to no result: as it was found when its artifacts were saved.
    ...(!result && saved?.ran ? { runMs: saved.ran.runMs } : {}),
    ...(saved ? { uploadMs: saved.uploadMs } : {}),
  };
}

/** As they were written down when they were saved; of a run from before that, as the input has them. */
async function artifactsOf(
  { artifacts }: Store,
  { task, run, saved }: RecordRunInput,
): Promise<readonly ArtifactRecord[]> {
  if (!saved) return [];
  return (await artifacts.findSaved(task.taskId, run))?.artifacts ?? saved.artifacts;
}

/** From here on later pushes find what the task has left. */
async function recordRoutes(
  { routes }: Store,
  { plan, planned, ended }: { readonly plan: Plan; readonly planned: PlannedTask; readonly ended: RunRecord },
  { taskId, plannedAt }: RunInput['task'],
): Promise<void> {
  const artifacts = ended.artifacts.map(({ name, sha256 }) => ({ name, sha256 }));
  for (const namespace of planned.routes ?? []) {
    const route = { version: 1 as const, namespace, taskId, run: ended.run, artifacts, plannedAt };
    await routes.record(plan.domain, plan.level, route);
  }
}

function lastLine(input: RecordRunInput): Parameters<typeof endLog>[2] {
  const { run, reason, detail } = input;
  const { state } = TASK_REASONS[reason];
  return {
    message: `Run ${run} ended: ${state}/${reason}${detail ? `: ${detail}` : ''}. ${whatFollows(input)}`,
    kind: state === 'completed' ? 'info' : 'error',
  };
}

function whatFollows({ task, run, reason, final }: RecordRunInput): string {
  const atMost = task.retries + 1;
  const begun = run - task.firstRun + 1;
  if (!final) return `A new run follows. It is ${begun + 1} of at most ${atMost}.`;
  const isSpent = TASK_REASONS[reason].after === 'retry' && begun >= atMost;
  return `The task is resolved${isSpent ? `: this was ${begun} of at most ${atMost} runs` : ''}.`;
}

/** What a task's record says of it in every state. */
function identityOf(
  { taskId, label, pushId, plannedAt, firstRun }: RunInput['task'],
  planned: PlannedTask,
): Pick<TaskRecord, 'version' | 'taskId' | 'label' | 'pushId' | 'plannedAt' | 'image' | 'firstRun'> {
  return { version: 1, taskId, label, pushId, plannedAt, image: imageText(planned), firstRun };
}

function withRun(runs: readonly RunRecord[], run: RunRecord): RunRecord[] {
  return [...runs.filter((other) => other.run !== run.run), run].sort((a, b) => a.run - b.run);
}
