import {
  CancellationScope,
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  patched,
  sleep,
  startChild,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import type { ChildWorkflowHandle } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { GraphTask } from '../model/pure/graph-pages.ts';
import { taskMemo } from '../model/pure/memos.ts';
import type { PushInput, TaskInput } from '../model/pure/payloads.ts';
import { formatSeconds } from '../model/pure/duration.ts';
import { queueName, taskIdIn } from '../model/pure/ids.ts';
import type { Deadlines } from './deadlines.ts';
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

/** So often, a second apart, a task is started again whose workflow of before is just ending. */
const START_TRIES = 5;

export interface PushContext {
  readonly push: PushInput;
  readonly pushId: string;
}

interface StartContext extends PushContext {
  readonly plannedAt: string;
  readonly graph: PushGraph;
  readonly deadlines: Deadlines;
  readonly held: ReadonlySet<string>;
}

/** Starts a task's workflow and waits only until it is started; the task reports by signal. */
export async function startTask(
  graphTask: GraphTask,
  { push, pushId, plannedAt, graph, deadlines, held }: StartContext,
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
    deadline: deadlines.of(graphTask),
    maxRunTimeSeconds,
    ...(image ? { image } : {}),
    ...(graphTask.dind ? { dind: true as const } : {}),
    ...(push.rerun?.hold || held.has(label) ? { hold: true as const } : {}),
  };
  // A cancel of the push must not look like the end of its tasks: they are asked to cancel and report themselves.
  const start = (): Promise<ChildWorkflowHandle<typeof task>> =>
    CancellationScope.nonCancellable(() =>
      startChild<typeof task>('task', {
        workflowId: id,
        args: [input],
        taskQueue: queueName('control', level),
        // The policy is applied at continue-as-new too: anything but ABANDON would kill running tasks there.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        priority: { priorityKey: graphTask.priority, fairnessKey: push.project },
        memo: taskMemo(id, pushId),
        staticDetails: describeTask(graphTask, input),
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
  try {
    const child = await startWhenEnded(start, firstRun);
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

function describeTask(
  { label, image, maxRunTimeSeconds, dind }: GraphTask,
  { pushId, image: stored, retries, deadline }: TaskInput,
): string {
  const digest = stored ? `, \`${stored.manifestDigest}\`` : '';
  return [
    `Task \`${label}\` of \`${pushId}\``,
    ...(image === undefined ? [] : [`In the image \`${image}\`${digest}`]),
    ...(dind ? ['With an engine of its own'] : []),
    `At most ${retries + 1} runs of at most ${formatSeconds(maxRunTimeSeconds)}, until ${deadline}`,
  ].join('\n\n');
}

/** A workflow tells of its end before it ends: one that runs again may begin a moment later. */
async function startWhenEnded<T>(start: () => Promise<T>, firstRun: number): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      const isEnding = error instanceof WorkflowExecutionAlreadyStartedError && firstRun > 0;
      if (!isEnding || tries >= START_TRIES || !patched('start-again')) throw error;
    }
    await CancellationScope.nonCancellable(() => sleep('1s'));
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
