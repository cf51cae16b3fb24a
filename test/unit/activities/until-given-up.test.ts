import { expect, it } from '@jest/globals';
import { untilGivenUp } from '../../../activities/until-given-up.ts';

it.each([
  ['a cancel or the end of its worker does not stop', false],
  ['that another attempt may have taken over stops', true],
])('What is written down: %s it', (_what, isGivenUp) => {
  const stop = new AbortController();
  const context = {
    signal: stop.signal,
    isCanceled: () => true,
    isGivenUp: () => stop.signal.aborted && isGivenUp,
    onProgress: () => undefined,
  };
  const before = untilGivenUp(context).signal;
  expect(before.aborted).toBe(false);

  stop.abort(new Error('stop'));

  expect([before.aborted, untilGivenUp(context).signal.aborted]).toEqual([isGivenUp, isGivenUp]);
});
