import { taskIdIn } from '../../model/pure/ids.ts';
import type { RunRecord, TaskRecord } from '../../model/schema/records.ts';
import type { Store } from '../../store/store.ts';

const artifact = (name: string) => ({ name, sizeBytes: 1, sha256: 'b'.repeat(64), contentType: 'x/y' });

/** Records a task of a push that has ended so, after these runs. */
export function recordEnd(
  { tasks }: Pick<Store, 'tasks'>,
  { pushId, plannedAt }: { readonly pushId: string; readonly plannedAt: string },
  end: Pick<TaskRecord, 'label' | 'state' | 'culprit'> & {
    readonly reason: NonNullable<TaskRecord['reason']>;
    readonly runs: readonly number[];
  },
): Promise<void> {
  const { label, state, reason, runs, culprit } = end;
  const taskId = taskIdIn(pushId, label);
  return tasks.change(taskId, () => ({
    version: 1,
    taskId,
    label,
    pushId,
    plannedAt,
    state,
    reason,
    ...(culprit === undefined ? {} : { culprit }),
    created: plannedAt,
    resolved: plannedAt,
    runs: runs.map((run) => ({ run, state, reason, phases: {}, artifacts: [] })),
  }));
}

/** Records a task `make` of a push that has had these runs; where nothing else is said, each completed and left `public/out`. */
export function recordRuns(
  { tasks }: Pick<Store, 'tasks'>,
  { pushId, plannedAt }: { readonly pushId: string; readonly plannedAt: string },
  runs: readonly Partial<RunRecord>[],
): Promise<void> {
  const taskId = taskIdIn(pushId, 'make');
  return tasks.change(taskId, () => ({
    version: 1,
    taskId,
    label: 'make',
    pushId,
    plannedAt,
    image: 'debian:bookworm',
    state: 'completed',
    created: plannedAt,
    runs: runs.map((run, number) => ({
      run: number,
      state: 'completed',
      phases: {},
      artifacts: [artifact('public/out')],
      ...run,
    })),
  }));
}
