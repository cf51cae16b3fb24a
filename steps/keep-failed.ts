import type { Engine } from '../docker/engine.ts';
import type { TaskReason } from '../model/pure/states.ts';
import { TASK_REASONS } from '../model/pure/states.ts';
import type { RunInput } from '../model/pure/payloads.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import type { RunLog } from './run-log.ts';
import { clearSecrets } from './run-secrets.ts';
import { purgesCaches } from './run-volumes.ts';

/** Says of each task how long it is kept once it has failed: where it asks for that, or the whole push does. */
export function planKeeping(
  plan: Plan,
  { seconds, isHeld }: { readonly seconds: number; readonly isHeld: boolean },
): Plan {
  const isKept = ({ interactive }: PlannedTask): boolean => isHeld || interactive === 'onFailure';
  return { ...plan, tasks: plan.tasks.map((task) => (isKept(task) ? heldFor(task, seconds) : task)) };
}

/** A task as it is planned when it is to be kept once it has failed: one that has an engine of its own never is, and says so then. */
export function heldFor(task: PlannedTask, seconds: number): PlannedTask {
  return task.dind ? { ...task, keptInVain: true } : { ...task, keepSeconds: seconds };
}

/** Whether a run ended by what its command did, and no other run follows. */
export function mayKeep({ task, run, reason }: RunInput & { readonly reason: TaskReason }): boolean {
  const { state, after, owner } = TASK_REASONS[reason];
  if (state === 'completed' || owner !== 'author') return false;
  return state === 'failed' || (after === 'retry' && run >= task.firstRun + task.retries);
}

/**
 * Until when the container of a run is to be kept, after its secrets were taken out; undefined: it is to be removed. What stands
 * against it is said in the log.
 */
export async function keepUntil(
  engine: Engine,
  {
    container,
    planned,
    exitCode,
    log,
    signal,
  }: {
    readonly container: string;
    readonly planned: PlannedTask;
    readonly exitCode: number | undefined;
    readonly log: RunLog;
    readonly signal: AbortSignal;
  },
): Promise<string | undefined> {
  const { keepSeconds, keptInVain } = planned;
  if (keptInVain) log.say('Its container is not kept: it has an engine of its own, which goes with it');
  if (keepSeconds === undefined) return undefined;
  const against = whyNot(planned, exitCode);
  if (against !== undefined) {
    log.say(`Its container is not kept: ${against}`);
    return undefined;
  }
  try {
    if (planned.secrets?.length) await clearSecrets(engine, container, signal);
  } catch (error) {
    signal.throwIfAborted();
    log.say(`Its container is not kept: ${error instanceof Error ? error.message : String(error)}`, 'error');
    return undefined;
  }
  return new Date(Date.now() + keepSeconds * 1000).toISOString();
}

/** Whatever an engine does not forget or let go of before the container is gone. */
function whyNot(planned: PlannedTask, exitCode: number | undefined): string | undefined {
  const { secrets = [], caches } = planned;
  if (secrets.some(({ env }) => env !== undefined)) return 'it has a secret as a variable';
  if (caches && purgesCaches(planned, exitCode)) return `exit code ${exitCode} purges its caches`;
  return undefined;
}
