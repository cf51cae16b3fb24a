import { taskIdIn } from '../../model/pure/ids.ts';
import type { RunRecord } from '../../model/schema/records.ts';
import type { Store } from '../../store/store.ts';

const artifact = (name: string) => ({ name, sizeBytes: 1, sha256: 'b'.repeat(64), contentType: 'x/y' });

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
