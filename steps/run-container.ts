import type { ContainerSpec, ContainerState, Engine } from '../docker/engine.ts';
import { LABEL } from '../docker/labels.ts';
import { containerName } from '../model/container-name.ts';
import { ContainerStartFailed, isSlipwayError } from '../model/errors.ts';
import type { ContainerResult, RunContainerInput } from '../model/pure/payloads.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import type { GitSource } from '../source/git-source.ts';
import type { Store } from '../store/store.ts';
import type { PlanCache } from './plan-cache.ts';
import { prepareContainer } from './prepare-container.ts';
import { RunLog } from './run-log.ts';
import type { StepContext } from './step-context.ts';

export interface RunContainerDeps {
  readonly store: Store;
  readonly plans: PlanCache;
  readonly engine: Engine;
  readonly source: GitSource;
  readonly fleet: string;
}

/** A killed container's output ends at once; an engine in trouble must not keep a cancel waiting. */
const LAST_OUTPUT_MS = 5_000;

/** What `docker kill` and the kernel leave as exit code. */
const KILLED_EXIT_CODE = 137;

/**
 * Carries a task's command out: creates its container or adopts it, follows its output into the log, waits for its
 * end within maxRunTime. Safe to repeat: a repeat goes on where the log ends. Aborted by a cancel, it kills the
 * container; aborted otherwise, it leaves it to whoever adopts it.
 */
export async function runContainer(
  deps: RunContainerDeps,
  input: RunContainerInput,
  context: StepContext,
): Promise<ContainerResult> {
  const { task, run } = input;
  const name = containerName(task.taskId, run);
  const plan = await deps.plans.plan(task.pushId, task.plannedAt);
  const planned = await deps.plans.task(task.pushId, task.plannedAt, task.label);
  const log = await RunLog.open(deps.store.logs, task.taskId, run);
  const { containers } = deps.engine;
  const began = Date.now();
  try {
    const created = await containers.ensureCreated(
      containerSpec(deps, { input, plan, planned, name }),
      context.signal,
    );
    if (created.state === 'created') {
      await prepareContainer(deps, { name, plan, planned }, context);
      log.say(`Starting ${commandText(planned)}`);
      await containers.start(name);
    } else log.say('Going on with the container that is there');
    const prepareMs = Date.now() - began;
    const ended = await followToEnd(
      deps.engine,
      { name, log, maxRunTimeSeconds: planned.maxRunTimeSeconds },
      context,
    );
    const peakMemoryBytes = await containers.peakMemory(name).catch(() => undefined);
    const result = judge(ended, planned);
    log.say(resultText(result, ended), result.reason === 'completed' ? 'info' : 'error');
    return { ...result, prepareMs, ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }) };
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'ContainerStartFailed') {
      log.say(error.message, 'error');
      const exitCode = error instanceof ContainerStartFailed ? error.exitCode : undefined;
      return { reason: 'failed', exitCode, detail: error.message, prepareMs: Date.now() - began, runMs: 0 };
    }
    if (context.signal.aborted && context.isCanceled()) {
      await containers.kill(name);
      await keepLastOutput(deps.engine, name, log);
      log.say('Cancelled', 'error');
    }
    throw error;
  } finally {
    await log.flush().catch((error: unknown) => context.onProgress({ message: `log: ${String(error)}` }));
  }
}

interface Ended {
  readonly state: ContainerState;
  readonly timedOut: boolean;
}

async function followToEnd(
  engine: Engine,
  {
    name,
    log,
    maxRunTimeSeconds,
  }: { readonly name: string; readonly log: RunLog; readonly maxRunTimeSeconds: number },
  context: StepContext,
): Promise<Ended> {
  const { containers } = engine;
  const started = await containers.inspect(name);
  const sinceStartMs = started?.started ? Date.now() - Date.parse(started.started) : 0;
  let timedOut = false;
  const timer = setTimeout(
    () => {
      timedOut = true;
      void containers
        .kill(name)
        .catch((error: unknown) => context.onProgress({ message: `kill: ${String(error)}` }));
    },
    Math.max(0, maxRunTimeSeconds * 1000 - sinceStartMs),
  );
  try {
    const following = copyOutput(engine, name, log, context.signal);
    const [state] = await Promise.all([containers.wait(name, context.signal), following]);
    return { state, timedOut };
  } finally {
    clearTimeout(timer);
  }
}

/** What the command had said when it was killed belongs into its log; trouble with that does not stop the cancel. */
async function keepLastOutput(engine: Engine, name: string, log: RunLog): Promise<void> {
  await copyOutput(engine, name, log, AbortSignal.timeout(LAST_OUTPUT_MS)).catch(() => undefined);
}

/** Reads the output from its beginning and skips what the log has already. */
async function copyOutput(engine: Engine, name: string, log: RunLog, signal: AbortSignal): Promise<void> {
  let toSkip = log.taskBytes;
  const output = await engine.containers.output(name, signal);
  for await (const chunk of output as AsyncIterable<Buffer>) {
    const fresh = toSkip >= chunk.byteLength ? chunk.subarray(chunk.byteLength) : chunk.subarray(toSkip);
    toSkip -= chunk.byteLength - fresh.byteLength;
    if (fresh.byteLength > 0) await log.write(fresh);
  }
  await log.flush();
}

function judge({ state, timedOut }: Ended, planned: PlannedTask): Omit<ContainerResult, 'prepareMs'> {
  const { exitCode = KILLED_EXIT_CODE, started, finished } = state;
  const runMs = started && finished ? Math.max(0, Date.parse(finished) - Date.parse(started)) : 0;
  // By its own times too: whoever adopts a container may find it ended, in time or killed by the one before.
  const ranTooLong = exitCode === KILLED_EXIT_CODE && (timedOut || runMs >= planned.maxRunTimeSeconds * 1000);
  const facts = { exitCode, runMs, ...(started ? { started } : {}), ...(finished ? { finished } : {}) };
  if (exitCode === 0) return { ...facts, reason: 'completed' };
  if (ranTooLong)
    return {
      ...facts,
      reason: 'max-run-time-exceeded',
      detail: `ran longer than ${planned.maxRunTimeSeconds} s`,
    };
  if (state.outOfMemory) return { ...facts, reason: 'out-of-memory' };
  const reason = planned.retryExitCodes.includes(exitCode) ? 'intermittent-task' : 'failed';
  return { ...facts, reason, detail: `exit code ${exitCode}` };
}

function resultText(result: Omit<ContainerResult, 'prepareMs'>, { state }: Ended): string {
  const seconds = (result.runMs / 1000).toFixed(1);
  return `Command ended after ${seconds} s: ${result.detail ?? `exit code ${state.exitCode ?? 0}`}`;
}

function containerSpec(
  { fleet }: RunContainerDeps,
  {
    input,
    plan,
    planned,
    name,
  }: {
    readonly input: RunContainerInput;
    readonly plan: Plan;
    readonly planned: PlannedTask;
    readonly name: string;
  },
): ContainerSpec {
  const { task, run, engineImageId } = input;
  const { memoryBytes, cpus, pids, shmBytes } = planned.resources;
  return {
    name,
    engineImageId,
    ...(planned.command ? { command: planned.command } : {}),
    // What the worker says wins over what the task says.
    env: {
      ...planned.env,
      TASK_ID: task.taskId,
      RUN_ID: String(run),
      SLIPWAY_LABEL: task.label,
      SLIPWAY_PROJECT: plan.project,
      SLIPWAY_LEVEL: String(plan.level),
      SLIPWAY_REVISION: plan.revision,
      SLIPWAY_REF: plan.ref,
      SLIPWAY_PUSH: task.pushId,
    },
    ...(planned.checkout === null ? {} : { workingDirectory: planned.checkout }),
    labels: {
      [LABEL.fleet]: fleet,
      [LABEL.kind]: 'task',
      [LABEL.task]: task.taskId,
      [LABEL.run]: String(run),
      [LABEL.level]: String(plan.level),
    },
    resources: {
      pids,
      shmBytes,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(cpus === undefined ? {} : { cpus }),
    },
  };
}

function commandText({ command }: PlannedTask): string {
  return command
    ? command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ')
    : "the image's own command";
}
