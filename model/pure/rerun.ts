import type { PushInput } from './payloads.ts';

/** What of a push is to run again. */
export interface Rerun {
  /** Labels; or `failed`: whatever has ended and has not completed. */
  readonly tasks: readonly string[] | 'failed';
  /** What depends on one of these runs again too, after it. */
  readonly downstream: boolean;
  /** Containers of those that fail are kept for a while. */
  readonly hold?: boolean;
}

export interface ReopenPushInput {
  readonly push: PushInput;
  readonly pushId: string;
  readonly rerun: Rerun;
}

export interface SetBackInput {
  /** For a push whose record is damaged; absent in what older workflows ask. */
  readonly push?: PushInput;
  readonly pushId: string;
  readonly plannedAt: string;
  readonly labels: readonly string[];
  /** The answer may have {@link REFUSED} in it; absent in what older workflows ask, which know numbers of runs only. */
  readonly mayRefuse?: true;
}

/** In place of the number of its next run: the task may not run again, and stays as it ended. */
export const REFUSED = -1;

/** Labels of the tasks that are meant, in the order given: dependencies come before dependents there. */
export function tasksToRerun(
  tasks: Iterable<{ readonly label: string; readonly dependencies: readonly string[] }>,
  hasFailed: (label: string) => boolean,
  rerun: Rerun,
): readonly string[] {
  const named = rerun.tasks === 'failed' ? undefined : new Set(rerun.tasks);
  const wanted = new Set<string>();
  for (const { label, dependencies } of tasks) {
    const isNamed = named ? named.has(label) : hasFailed(label);
    const follows = rerun.downstream && dependencies.some((dependency) => wanted.has(dependency));
    if (isNamed || follows) wanted.add(label);
  }
  return [...wanted];
}
