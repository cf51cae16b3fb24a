import { IllegalStateError } from '@temporalio/common';
import type { Worker } from '@temporalio/worker';
import { GracefulShutdownPeriodExpiredError } from '@temporalio/worker';
import type { Logger } from 'pino';

/** An activity that does not hear that it shall end is left to the process's end after this time. */
export const DEAF_MS = 10_000;

/** Runs a worker until it has ended; that it leaves an activity behind that does not hear keeps no other worker from ending well. */
export async function runToEnd(worker: Worker, logger: Logger): Promise<void> {
  try {
    await worker.run();
  } catch (error) {
    // The second one hides the first while the activity still holds on to its worker.
    const isLeft = error instanceof GracefulShutdownPeriodExpiredError || error instanceof IllegalStateError;
    if (!isLeft) throw error;
    const { taskQueue } = worker.options;
    logger.warn({ taskQueue }, 'An activity that does not end is left to the end of the process');
  }
}
