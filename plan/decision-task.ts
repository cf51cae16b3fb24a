import { DECISION_LABEL, TASK_GRAPH } from '../model/pure/decision.ts';
import { FIELDS_OF_DECISION } from '../model/schema/slipway-yml.ts';
import type { TaskPart } from './file-schema.ts';
import type { NormalizedTask } from './normalize.ts';
import { normalizeTask } from './normalize.ts';

/** The part of `defaults` that counts for the decision program. */
export function decisionDefaults<T extends object>(defaults: T | undefined): T {
  const kept = Object.entries(defaults ?? {}).filter(([field]) => FIELDS_OF_DECISION.includes(field));
  return Object.fromEntries(kept) as T;
}

/** The decision program as a task that has been checked: what it prints is its artifact. */
export function normalizeDecision(part: TaskPart): NormalizedTask {
  return {
    ...normalizeTask(DECISION_LABEL, { ...part, symbol: 'D', description: 'Decides which tasks there are' }),
    stdout: TASK_GRAPH,
  };
}
