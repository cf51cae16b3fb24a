import type { Engine } from '../docker/engine.ts';
import { containerName } from '../model/container-name.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import { ContainerStartFailed, isSlipwayError } from '../model/errors.ts';
import { cutDetail } from '../model/pure/cut-text.ts';
import type { ContainerResult, RunContainerInput } from '../model/pure/payloads.ts';
import type { SecretSource } from '../model/secret-source.ts';
import type { GitSource } from '../source/git-source.ts';
import type { Store } from '../store/store.ts';
import { underWatch } from './engine-watch.ts';
import type { MemoryPeaks } from './follow-to-end.ts';
import { followToEnd } from './follow-to-end.ts';
import { judgeEnd } from './judge-end.ts';
import { killCommand } from './kill-command.ts';
import { tellOverrun } from './overrun.ts';
import type { PlanCache } from './plan-cache.ts';
import { whilePrivateEngine } from './private-engine.ts';
import type { FindInput } from './input-files.ts';
import { RunLog } from './run-log.ts';
import { findSecrets, maskOf } from './run-secrets.ts';
import { startOrAdopt } from './start-or-adopt.ts';
import type { StepContext } from './step-context.ts';

export interface RunContainerDeps {
  readonly store: Store;
  readonly plans: PlanCache;
  readonly engine: Engine;
  readonly source: Pick<GitSource, 'open'>;
  /** As in preparing its container. */
  readonly findInput?: FindInput | undefined;
  readonly fleet: string;
  /** Image of the sidecars of private engines; undefined where this worker has none. */
  readonly sidecarImage?: string | undefined;
  /** Without it tasks that want secrets get none, and end so. */
  readonly secrets?: SecretSource | undefined;
  /** As in saving what it has left. */
  readonly heldSeconds?: (() => Promise<number>) | undefined;
  /** Without it only a command that comes to a result has its own. */
  readonly peaks?: MemoryPeaks | undefined;
}

/**
 * Carries a task's command out: creates its container or adopts it, follows its output into the log, waits for its
 * end within maxRunTime. Safe to repeat: a repeat goes on where the log ends. Aborted by a cancel, it kills the
 * container; aborted otherwise, it leaves it to whoever comes next.
 * @throws {ContainerLost} when the command did not come to an end of its own.
 */
export async function runContainer(
  deps: RunContainerDeps,
  input: RunContainerInput,
  context: StepContext,
): Promise<ContainerResult> {
  const { task, run } = input;
  const { engine } = deps;
  const name = containerName(deps.fleet, task.taskId, run);
  const plan = await deps.plans.plan(task.pushId, task.plannedAt);
  const planned = await deps.plans.task(task.pushId, task.plannedAt, task.label);
  const log = await RunLog.open(deps.store.logs, task.taskId, run, context);
  tellOverrun(log, context);
  const took = startStopwatch();
  try {
    const secrets = await findSecrets(deps.secrets, plan, planned);
    log.hide(await maskOf(engine, name, secrets, context.signal));
    const container = await underWatch(engine, context, (watched) =>
      startOrAdopt(deps, { input, name, plan, planned, log, secrets }, watched),
    );
    const prepareMs = took();
    const ended = await whilePrivateEngine(
      deps,
      { name, input, planned, log, isAdopted: container.isAdopted },
      {
        signal: context.signal,
        work: (signal) =>
          followToEnd(engine, { container, name, log, planned, peaks: deps.peaks }, { ...context, signal }),
      },
    );
    const result = judgeEnd(ended, planned);
    log.say(resultText(result), result.reason === 'completed' ? 'info' : 'error');
    // Not only tried: a result whose log is not whole is none yet.
    await log.flush();
    const { loadedAgain } = container;
    return { ...result, prepareMs, ...(loadedAgain ? { loadedAgain } : {}) };
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'ContainerStartFailed') {
      log.say(error.message, 'error');
      await log.flush();
      const exitCode = error instanceof ContainerStartFailed ? error.exitCode : undefined;
      return { reason: 'failed', exitCode, detail: cutDetail(error.message), prepareMs: took(), runMs: 0 };
    }
    if (context.signal.aborted && context.isCanceled()) {
      await killCommand(engine, { name, log, planned });
      log.say('Cancelled', 'error');
    }
    throw error;
  } finally {
    // Of the good end all is written by now; of a bad one its own error is the one to tell.
    await log.flush().catch(() => undefined);
  }
}

function resultText(result: Omit<ContainerResult, 'prepareMs'>): string {
  const seconds = (result.runMs / 1000).toFixed(1);
  return `Command ended after ${seconds} s: ${result.detail ?? `exit code ${result.exitCode ?? 0}`}`;
}
