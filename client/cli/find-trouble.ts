import { isSlipwayError } from '../../model/errors.ts';
import type { TaskReason } from '../../model/pure/states.ts';
import { TASK_REASONS } from '../../model/pure/states.ts';
import type { PushDocument, PushTask } from '../../model/schema/records.ts';
import type { SlipwayApi } from '../api.ts';
import { lastLinesOf } from './last-lines.ts';
import { describeKept, describeState, didNotSucceed } from './render/describe-task.ts';
import type { Trouble } from './render/push-text.ts';

export interface TroubleOptions {
  /** Lines of each log; default 50. */
  readonly lines?: number;
  /** Tasks and images that are explained; the table has the others. Default 10. */
  readonly limit?: number;
  readonly signal: AbortSignal;
}

/**
 * Explains the images and tasks of a push that did not succeed, with the ends of their logs: those that failed by themselves before
 * those that only depend on them, which may be hundreds.
 */
export async function findTrouble(
  api: SlipwayApi,
  { images, tasks }: PushDocument,
  { lines = 50, limit = 10, signal }: TroubleOptions,
): Promise<Trouble[]> {
  const failed = [
    ...images
      .filter(({ outcome }) => outcome === 'failed')
      .map(({ name, taskId, detail }) => ({
        name: `image ${name}`,
        taskId,
        what: detail ?? TASK_REASONS['image-build-failed'].meaning,
      })),
    ...tasks
      .filter(didNotSucceed)
      .sort((a, b) => Number(isFollowing(a)) - Number(isFollowing(b)))
      .map((task) => ({
        name: task.label,
        taskId: task.taskId,
        what: explain(task),
        kept: describeKept(task, Date.now()),
      })),
  ];
  const trouble: Trouble[] = [];
  for (const each of failed.slice(0, limit))
    trouble.push({ ...each, lastLines: await readEnd(api, each.taskId, { lines, signal }) });
  return trouble;
}

/** Of something else's failure, which stands before it, or of somebody's wish. */
const FOLLOWING: readonly (TaskReason | undefined)[] = [
  'dependency-failed',
  'image-build-failed',
  'canceled',
];

function isFollowing({ reason }: PushTask): boolean {
  return FOLLOWING.includes(reason);
}

/** How a task stands, and what is known beyond that. */
function explain(task: PushTask): string {
  const state = describeState(task);
  const more = task.detail ?? (task.reason ? TASK_REASONS[task.reason].meaning : '');
  return more === '' || state.includes(more) ? state : `${state}. ${more}`;
}

/** Where there is no log there are no lines. */
async function readEnd(
  api: SlipwayApi,
  taskId: string,
  { lines, signal }: { readonly lines: number; readonly signal: AbortSignal },
): Promise<string[]> {
  try {
    return await lastLinesOf((tailBytes) => api.log(taskId, { follow: false, tailBytes, signal }), lines);
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'NotFound') return [];
    throw error;
  }
}
