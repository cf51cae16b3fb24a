import type { Info } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Logger } from 'pino';
import { parseId } from '../model/pure/ids.ts';
import { startStopwatch } from '../model/stopwatch.ts';

/** What a line about an activity says, so that one run can be followed through all processes. */
export interface ActivityFacts {
  readonly activity: string;
  /** From 1; Temporal's repeats of the same step. */
  readonly attempt: number;
  readonly pushId?: string;
  readonly taskId?: string;
  readonly run?: number;
}

/** Looks that come every half minute and mostly find nothing; they say themselves what they did. */
const QUIET: ReadonlySet<string> = new Set(['settle']);

/**
 * One line when a step ends, with how long it took: `info` when it is done or was cancelled, `warn` when it failed, since
 * the workflow decides whether that matters. Also puts the facts on every other line of the activity.
 */
export function logActivities(logger: Logger): ActivityInterceptorsFactory {
  return ({ info }) => {
    let facts: ActivityFacts = { activity: info.activityType, attempt: info.attempt };
    return {
      inbound: {
        async execute(input, next) {
          facts = factsOf(info, input.args);
          const line = logger.child(facts);
          const took = startStopwatch();
          line.debug('Began');
          try {
            const result = await next(input);
            line[QUIET.has(info.activityType) ? 'debug' : 'info']({ ms: took() }, 'Done');
            return result;
          } catch (error) {
            const ms = took();
            if (error instanceof CancelledFailure) line.info({ ms }, 'Cancelled');
            else line.warn({ ms, error }, 'Failed');
            throw error;
          }
        },
      },
      outbound: { getLogAttributes: (input, next) => ({ ...next(input), ...facts }) },
    };
  };
}

/** Activities take their ids in one of two shapes: of a task's run, or flat. */
export function factsOf(
  { activityType, attempt, workflowExecution }: Pick<Info, 'activityType' | 'attempt' | 'workflowExecution'>,
  [input]: readonly unknown[],
): ActivityFacts {
  const given = (input ?? {}) as {
    readonly task?: { readonly pushId?: unknown; readonly taskId?: unknown };
    readonly pushId?: unknown;
    readonly taskId?: unknown;
    readonly run?: unknown;
  };
  const workflowId = workflowExecution?.workflowId ?? '';
  const kind = parseId(workflowId)?.kind;
  const pushId = given.task?.pushId ?? given.pushId ?? (kind === 'push' ? workflowId : undefined);
  const taskId =
    given.task?.taskId ?? given.taskId ?? (kind === 'task' || kind === 'image' ? workflowId : undefined);
  return {
    activity: activityType,
    attempt,
    ...(typeof pushId === 'string' ? { pushId } : {}),
    ...(typeof taskId === 'string' ? { taskId } : {}),
    ...(typeof given.run === 'number' ? { run: given.run } : {}),
  };
}
