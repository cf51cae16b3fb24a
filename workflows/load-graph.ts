import { CancellationScope, CancelledFailure } from '@temporalio/workflow';
import type { GraphPage, GraphTask } from '../model/pure/graph-pages.ts';
import { graphTasks } from '../model/pure/graph-pages.ts';
import type { PushInput } from '../model/pure/payloads.ts';
import { controlActivities } from './activity-proxies.ts';

/**
 * Reads the tasks of a push from its plan, page by page. Also when the push is being cancelled: what an earlier run of it has
 * started could not be cancelled otherwise.
 */
export async function loadGraph(
  push: PushInput,
  planned: { readonly pushId: string; readonly plannedAt: string },
): Promise<{ readonly tasks: readonly GraphTask[]; readonly pages: number }> {
  const control = controlActivities(push.level);
  const pages: GraphPage[] = [];
  await CancellationScope.nonCancellable(async () => {
    for (let from: number | undefined = 0; from !== undefined; from = pages.at(-1)?.next)
      pages.push(await control.loadGraph({ push, ...planned, from }));
  });
  return { tasks: graphTasks(pages), pages: pages.length };
}

/** Says of a scope that does no awaiting of its own that it was cancelled. */
export function expectNotCancelled(): void {
  if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('The push was cancelled');
}
