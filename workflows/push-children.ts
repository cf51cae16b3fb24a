import {
  CancellationScope,
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  startChild,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { GraphTask, PushInput, TaskInput } from '../model/pure/payloads.ts';
import { queueName, taskIdIn } from '../model/pure/ids.ts';
import { unwantImageSignal } from './messages.ts';
import type { PushGraph } from './push-graph.ts';
import {
  SLIPWAY_LABEL,
  SLIPWAY_LEVEL,
  SLIPWAY_PROJECT,
  SLIPWAY_REVISION,
  SLIPWAY_STATE,
} from '../model/pure/search-attributes.ts';
import type { task } from './task.ts';

/** Requests in flight when many tasks are cancelled; the server allows 2,000 pending ones. */
const CANCELS_IN_FLIGHT = 100;

export interface PushContext {
  readonly push: PushInput;
  readonly pushId: string;
}

/** Starts a task's workflow and waits only until it is started; the task reports by signal. */
export async function startTask(
  graphTask: GraphTask,
  { push, pushId, plannedAt, graph }: PushContext & { readonly plannedAt: string; readonly graph: PushGraph },
): Promise<void> {
  const { label, retries, firstRun, deadlineSeconds, maxRunTimeSeconds } = graphTask;
  const id = taskIdIn(pushId, label);
  const image = graph.imageOf(label)?.stored;
  const { level } = push;
  const input: TaskInput = {
    pushId,
    plannedAt,
    taskId: id,
    label,
    level,
    firstRun,
    retries,
    deadlineSeconds,
    maxRunTimeSeconds,
    ...(image ? { image } : {}),
  };
  try {
    // A cancel of the push must not look like the end of its tasks: they are asked to cancel and report themselves.
    const child = await CancellationScope.nonCancellable(() =>
      startChild<typeof task>('task', {
        workflowId: id,
        args: [input],
        taskQueue: queueName('control', level),
        // The policy is applied at continue-as-new too: anything but ABANDON would kill running tasks there.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        priority: { priorityKey: graphTask.priority, fairnessKey: push.project },
        staticSummary: `${label} of ${push.project} ${push.revision.slice(0, 12)}`,
        typedSearchAttributes: [
          { key: SLIPWAY_PROJECT, value: push.project },
          { key: SLIPWAY_LEVEL, value: level },
          { key: SLIPWAY_REVISION, value: push.revision },
          { key: SLIPWAY_LABEL, value: label },
          { key: SLIPWAY_STATE, value: 'running' },
        ],
      }),
    );
    graph.markStarted(label);
    // Tasks never fail as workflows; one that was terminated by hand tells nobody, so its end is taken from here.
    child.result().catch(() => {
      log.warn('A task was ended from outside', { taskId: id });
      graph.endFromOutside(label);
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    graph.markStarted(label);
    log.info('The task runs already; it will report', { taskId: id });
  }
}

/** Asks each open task to cancel; they answer by their signals. */
export async function cancelTasks(labels: readonly string[], { pushId }: PushContext): Promise<void> {
  for (let i = 0; i < labels.length; i += CANCELS_IN_FLIGHT) {
    const batch = labels.slice(i, i + CANCELS_IN_FLIGHT);
    await Promise.all(
      batch.map((label) => getExternalWorkflowHandle(taskIdIn(pushId, label)).cancel().catch(ignoreGone)),
    );
  }
}

/** Takes the requests for images back; a build that nobody else waits for is cancelled. */
export async function takeBackImages(taskIds: readonly string[], requester: string): Promise<void> {
  await Promise.all(
    taskIds.map((id) =>
      getExternalWorkflowHandle(id).signal(unwantImageSignal, { requester }).catch(ignoreGone),
    ),
  );
}

function ignoreGone(): void {
  // What is not found has ended by itself.
}
