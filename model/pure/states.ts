/** States and reasons of tasks and pushes, and the policy that follows from each reason. */

export type TaskState = 'unscheduled' | 'pending' | 'running' | 'completed' | 'failed' | 'exception';

export type TaskReason =
  | 'completed'
  | 'failed'
  | 'max-run-time-exceeded'
  | 'out-of-memory'
  | 'artifact-missing'
  | 'image-build-failed'
  | 'canceled'
  | 'deadline-exceeded'
  | 'dependency-failed'
  | 'malformed-payload'
  | 'resource-unavailable'
  | 'internal-error'
  | 'worker-lost'
  | 'worker-shutdown'
  | 'intermittent-task'
  | 'upload-failed';

/** `retry`: a new run while `retries` last. `final`: the task is resolved. */
export type AfterRun = 'final' | 'retry';

export interface ReasonPolicy {
  readonly state: 'completed' | 'failed' | 'exception';
  readonly after: AfterRun;
  /** Whose it is to mend: the tree's author, those who run Slipway, or nobody. */
  readonly owner: 'author' | 'operator' | 'nobody';
  /** One sentence for people: what it means and what happens next. */
  readonly meaning: string;
}

/** What a reason means for a task's own command. On an image's own task, `image-build-failed` is `failed`. */
export const TASK_REASONS: Readonly<Record<TaskReason, ReasonPolicy>> = {
  completed: {
    state: 'completed',
    after: 'final',
    owner: 'nobody',
    meaning: 'The command exited with 0 and every required artifact was saved.',
  },
  failed: {
    state: 'failed',
    after: 'final',
    owner: 'author',
    meaning: 'The command exited with another code than 0, or could not be started. The log has its output.',
  },
  'max-run-time-exceeded': {
    state: 'failed',
    after: 'final',
    owner: 'author',
    meaning: 'The command ran longer than maxRunTime and was killed. Log and artifacts are kept.',
  },
  'out-of-memory': {
    state: 'failed',
    after: 'final',
    owner: 'author',
    meaning: 'The kernel killed the command because it used more memory than resources.memory allows.',
  },
  'artifact-missing': {
    state: 'failed',
    after: 'final',
    owner: 'author',
    meaning: 'The command exited with 0, but an artifact that is not optional is absent or of another type.',
  },
  'image-build-failed': {
    state: 'exception',
    after: 'final',
    owner: 'author',
    meaning: 'The in-tree image of this task could not be built. The next push that needs it builds again.',
  },
  canceled: {
    state: 'exception',
    after: 'final',
    owner: 'nobody',
    meaning: 'Somebody cancelled the task or its push.',
  },
  'deadline-exceeded': {
    state: 'exception',
    after: 'final',
    owner: 'operator',
    meaning: 'The task was not resolved before its deadline.',
  },
  'dependency-failed': {
    state: 'exception',
    after: 'final',
    owner: 'author',
    meaning: 'A task or parent image that this one needs did not complete. The first culprit is named.',
  },
  'malformed-payload': {
    state: 'exception',
    after: 'final',
    owner: 'author',
    meaning: 'The task asks for something that cannot be carried out as written.',
  },
  'resource-unavailable': {
    state: 'exception',
    after: 'final',
    owner: 'author',
    meaning: 'An image, input, secret or revision that the task needs cannot be had or read.',
  },
  'internal-error': {
    state: 'exception',
    after: 'final',
    owner: 'operator',
    meaning: 'Slipway itself failed. The log has what is known.',
  },
  'worker-lost': {
    state: 'exception',
    after: 'retry',
    owner: 'operator',
    meaning:
      'The machine that held the run is gone, or something that the run needed was away. A new run starts while retries last.',
  },
  'worker-shutdown': {
    state: 'exception',
    after: 'retry',
    owner: 'operator',
    meaning: 'The worker was shut down before the run ended. A new run starts while retries last.',
  },
  'intermittent-task': {
    state: 'exception',
    after: 'retry',
    owner: 'author',
    meaning:
      'The command exited with a code that onExitStatus.retry lists. A new run starts while retries last.',
  },
  'upload-failed': {
    state: 'exception',
    after: 'retry',
    owner: 'operator',
    meaning: 'Log or artifacts could not be saved. A new run starts while retries last.',
  },
};

export type PushState = 'running' | 'completed' | 'failed' | 'exception';

export type PushReason =
  | 'completed'
  | 'failed'
  | 'canceled'
  | 'malformed-plan'
  | 'revision-not-found'
  | 'repository-unavailable'
  | 'internal-error';

export const PUSH_REASONS: Readonly<
  Record<PushReason, { state: Exclude<PushState, 'running'>; meaning: string }>
> = {
  completed: { state: 'completed', meaning: 'Every wanted task completed, or there was nothing to do.' },
  failed: { state: 'failed', meaning: 'Some task did not complete.' },
  canceled: { state: 'exception', meaning: 'Somebody cancelled the push.' },
  'malformed-plan': {
    state: 'exception',
    meaning:
      'slipway.yml or an image definition is wrong, or a task asks for what is not granted. Every finding is in the record; nothing was started.',
  },
  'revision-not-found': {
    state: 'exception',
    meaning: 'The revision is not in the repository, or not reachable from the ref that was pushed.',
  },
  'repository-unavailable': { state: 'exception', meaning: 'The repository could not be read.' },
  'internal-error': { state: 'exception', meaning: 'Slipway itself failed. The workflow has what is known.' },
};

export function isResolved(state: TaskState | PushState): boolean {
  return state === 'completed' || state === 'failed' || state === 'exception';
}
