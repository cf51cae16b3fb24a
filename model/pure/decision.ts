/** The label of the decision program's own task. */
export const DECISION_LABEL = 'decision';

/** The artifact of that task: what its program printed, the task graph. */
export const TASK_GRAPH = 'public/tasks.json';

/** Tasks that a decision program may print. */
export const MOST_PRINTED_TASKS = 10_000;
