import { containerName } from '../../model/container-name.ts';
import { ContainerStartFailed, isSlipwayError } from '../../model/errors.ts';
import type { TaskInput } from '../../model/pure/payloads.ts';
import { loadTaskImage } from '../../steps/load-task-image.ts';
import type { RunHereDeps } from '../../steps/run-here.ts';
import { claimNext } from '../../steps/run-here.ts';
import { RunLog } from '../../steps/run-log.ts';
import { findSecrets } from '../../steps/run-secrets.ts';
import { removeRun } from '../../steps/run-volumes.ts';
import { startOrAdopt } from '../../steps/start-or-adopt.ts';
import type { StepContext } from '../../steps/step-context.ts';
import { joinShell } from './join-shell.ts';
import type { Session } from './session.ts';

/** As a shell says it. */
const NOT_FOUND = 127;

/**
 * A shell in the container of a task, with its image, environment, limits, checkout and inputs, but without its command; the
 * container is removed afterwards, and nothing of it is kept. Gives the shell's exit code.
 */
export async function shellInTask(
  deps: RunHereDeps,
  task: Omit<TaskInput, 'firstRun'>,
  { context, session }: { readonly context: StepContext; readonly session: Session },
): Promise<number> {
  const input = await claimNext(deps, task, context);
  const name = containerName(deps.fleet, task.taskId, input.run);
  try {
    const { engineImageId } = await loadTaskImage(deps, input, context);
    const plan = await deps.plans.plan(task.pushId, task.plannedAt);
    const planned = await deps.plans.task(task.pushId, task.plannedAt, task.label);
    const log = await RunLog.open(deps.store.logs, task.taskId, input.run, context);
    const secrets = await findSecrets(deps.secrets, plan, planned);
    const run = { input: { ...input, engineImageId }, name, plan, planned, log, secrets, isIdle: true };
    const { id } = await startOrAdopt(deps, run, context);
    await log.flush();
    session.terminal.status('');
    return await joinShell(deps.engine, id, session);
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'ContainerStartFailed') throw error;
    throw new ContainerStartFailed('its image has no /bin/sh', NOT_FOUND, { cause: error });
  } finally {
    await removeRun(deps, input);
  }
}
