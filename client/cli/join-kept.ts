import { posix } from 'node:path';
import type { Engine } from '../../docker/engine.ts';
import { ContainerStartFailed, isSlipwayError, NotFound } from '../../model/errors.ts';
import type { PlannedTask } from '../../model/schema/plan.ts';
import { containerOfRun } from '../../steps/container-of-run.ts';
import { SECRETS_DIRECTORY } from '../../steps/run-secrets.ts';
import type { JoinableRun } from '../api.ts';
import { joinShell } from './join-shell.ts';
import { clockTime } from './render/quantities.ts';
import type { Session } from './session.ts';

/** As a shell says it. */
const NOT_FOUND = 127;

/**
 * A shell in a container with the files that a failed run has left, its environment, user, limits and kind of network; what is done
 * there is thrown away with it, except in volumes that are artifacts. Gives the shell's exit code. @throws {NotFound}
 */
export async function joinKept(
  engine: Engine,
  {
    taskId,
    run,
    name,
    kept: { until, plan, planned },
  }: JoinableRun & Required<Pick<JoinableRun, 'kept'>> & { readonly name: string },
  { signal, terminal }: Pick<Session, 'signal' | 'terminal'>,
): Promise<number> {
  const task = { taskId, label: planned.label, pushId: plan.pushId };
  // Its fleet is the kept container's.
  const spec = containerOfRun({ task, run }, { name, fleet: '', plan, planned });
  terminal.status(`Opening what run ${run} of ${taskId} has left`);
  try {
    const opened = await engine.kept.open(name, { spec, volumes: volumesOf(planned), signal });
    if (!opened)
      throw new NotFound(
        `What run ${run} of ${taskId} has left is not there any more: it was to be kept until ${until}, and was removed, perhaps to make room`,
      );
    try {
      terminal.status('');
      terminal.note(
        `slipway: what run ${run} has left, kept until ${clockTime(until)}${withoutText(planned)}`,
      );
      return await joinShell(engine, opened.id, { signal });
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'ContainerStartFailed') throw error;
    throw new ContainerStartFailed('its image has no /bin/sh', NOT_FOUND, { cause: error });
  }
}

function volumesOf({ artifacts }: PlannedTask): readonly string[] {
  return Object.values(artifacts).flatMap(({ type, path }) =>
    type === 'volume' ? [posix.resolve(path)] : [],
  );
}

/** What the command had, and the shell has not. */
function withoutText({ caches, secrets }: PlannedTask): string {
  const missing = [
    ...(caches
      ? [
          `its caches (${Object.values(caches)
            .map(({ path }) => path)
            .join(', ')})`,
        ]
      : []),
    ...(secrets ? [`its secrets (${SECRETS_DIRECTORY})`] : []),
  ];
  return missing.length === 0 ? '' : `; without ${missing.join(' and ')}`;
}
