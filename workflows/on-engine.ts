import { log, patched, sleep } from '@temporalio/workflow';
import type { ClaimedRun } from '../model/pure/claim-payloads.ts';
import type { RunInput } from '../model/pure/payloads.ts';
import { reclaimActivities } from './activity-proxies.ts';
import { failureType } from './failures.ts';

/** Between rounds in which nobody answers: longer with each, to be back soon where that is over soon. */
const PAUSE_STEP_MS = 10_000;
const LONGEST_PAUSE_MS = 5 * 60_000;

/**
 * Does one step of a run on the engine that claimed it. When nobody takes its work, the machine is gone only if another one
 * is there to carry on: whoever answers on the shared queue says which engine it stands beside. While nobody is free to answer,
 * nobody could carry a new run out either, and the engine is asked again. So a whole fleet that cannot reach the server for a
 * while finds its runs as it left them.
 */
export async function onEngine<T>(
  input: RunInput,
  { engineId }: Pick<ClaimedRun, 'engineId'>,
  step: () => Promise<T>,
): Promise<T> {
  for (let rounds = 0; ;) {
    try {
      return await step();
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      const answeredBy = await whoAnswers(input);
      if (answeredBy === undefined) {
        rounds += 1;
        if (patched('pause-while-away'))
          await sleep(pauseMs(rounds), { summary: 'no machine is free to answer' });
        continue;
      }
      if (answeredBy !== engineId) throw error;
      rounds = 0;
      log.info('The machine that holds the run is there again', {
        taskId: input.task.taskId,
        run: input.run,
      });
    }
  }
}

/** Each round leaves a dozen events in a history that may have 51,200: a fleet may be away for days. */
function pauseMs(rounds: number): number {
  return Math.min(rounds * PAUSE_STEP_MS, LONGEST_PAUSE_MS);
}

async function whoAnswers(input: RunInput): Promise<string | undefined> {
  try {
    return (await reclaimActivities(input.task).claimRun(input)).answeredBy;
  } catch (error) {
    if (!isUnanswered(error)) throw error;
    return undefined;
  }
}

/** Whether nobody took the work. */
export function isUnanswered(error: unknown): boolean {
  return failureType(error) === 'Timeout:SCHEDULE_TO_START';
}
