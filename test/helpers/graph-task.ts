import type { GraphTask } from '../../model/pure/graph-pages.ts';
import type { TaskResolved } from '../../model/pure/payloads.ts';

/** A task of a push's graph that needs nothing but what it depends on. */
export function aTask(
  label: string,
  dependencies: readonly string[] = [],
  options: Partial<GraphTask> = {},
): GraphTask {
  return {
    label,
    dependencies,
    requires: 'all-completed',
    firstRun: 0,
    retries: 5,
    deadlineSeconds: 1,
    maxRunTimeSeconds: 1,
    priority: 5,
    ...options,
  };
}

export function completed(label: string): TaskResolved {
  return { label, state: 'completed', reason: 'completed' };
}
