import { ImageBuildFailed } from '../model/errors.ts';
import { formatSeconds } from '../model/pure/duration.ts';
import type { RunLog } from './run-log.ts';
import type { StepContext } from './step-context.ts';

type Overran = Pick<StepContext, 'overran'>;

/** A build that has used all of its time twice would do so again. */
const MOST_OF_BUILD = 2;

/** Says in a log that the attempt before came to no end: who reads it would take its repeat for the work itself. */
export function tellOverrun(log: RunLog, { overran }: Overran): void {
  if (!overran) return;
  const time = formatSeconds(overran.limitMs / 1000);
  log.say(
    `The attempt before this one gave no answer within ${time} and was given up; it is repeated`,
    'error',
  );
}

/** @throws {ImageBuildFailed} when a build is not worth another attempt. */
export function expectBuildToEnd(imageName: string, { overran }: Overran): void {
  if (!overran || overran.times < MOST_OF_BUILD) return;
  const detail = `it came to no end within ${formatSeconds(overran.limitMs / 1000)}, ${overran.times} times`;
  throw new ImageBuildFailed(imageName, { lastLines: [] }, detail);
}
