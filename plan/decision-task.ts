import { DECISION_LABEL, TASK_GRAPH } from '../model/pure/decision.ts';
import type { TaskPart } from './file-schema.ts';
import type { NormalizedTask } from './normalize.ts';
import { normalizeTask } from './normalize.ts';

/** What of `defaults` says how a task is run; the rest says what it is, or gives, or waits for. */
const OF_RUNNING = [
  'env',
  'maxRunTime',
  'deadline',
  'retries',
  'priority',
  'resources',
  'checkout',
  'user',
  'network',
  'cache',
  'features',
  'capabilities',
  'secrets',
] as const;

/** The part of `defaults` that counts for the decision program. */
export function decisionDefaults<T extends object>(defaults: T | undefined): T {
  const kept = Object.entries(defaults ?? {}).filter(([field]) =>
    (OF_RUNNING as readonly string[]).includes(field),
  );
  return Object.fromEntries(kept) as T;
}

/** The decision program as a task that has been checked: what it prints is its artifact. */
export function normalizeDecision(part: TaskPart): NormalizedTask {
  return {
    ...normalizeTask(DECISION_LABEL, { ...part, symbol: 'D', description: 'Decides which tasks there are' }),
    stdout: TASK_GRAPH,
  };
}
