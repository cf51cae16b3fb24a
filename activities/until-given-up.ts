import type { StepContext } from '../steps/step-context.ts';

/**
 * For a step that a cancel or the end of its worker shall not cut short: it is stopped only when another attempt may have taken over.
 */
export function untilGivenUp(context: StepContext): StepContext {
  const givenUp = new AbortController();
  const onStop = (): void => {
    if (context.isGivenUp?.()) givenUp.abort(context.signal.reason);
  };
  onStop();
  context.signal.addEventListener('abort', onStop, { once: true });
  return { ...context, signal: givenUp.signal };
}
