import { SlipwayError } from './slipway-error.ts';

/** Thrown when a new round of a push is asked for that was to end, and does not within the time that is waited for it. */
export class PushEnding extends SlipwayError {
  readonly type = 'PushEnding';
  constructor(pushId: string, waitedMs: number) {
    super(
      `Push ${pushId} is still ending, ${Math.round(waitedMs / 1_000)} s after a new round was asked for: ask again once it has its verdict (slipway watch ${pushId})`,
    );
  }
}

/** Thrown when a task that is to run again asks for what the server's configuration does not grant any more. */
export class NotGranted extends SlipwayError {
  readonly type = 'NotGranted';
}
