import type { StackOptions } from './stack-options.ts';

export type Note = (message: string) => void;

/** Reports the beginning and end of one step of one part, with the time it took. What it throws passes through. */
export async function reportStep<T>(
  options: Pick<StackOptions, 'onProgress'>,
  part: string,
  step: {
    readonly doing: string;
    readonly done?: (result: T) => string;
    readonly run: (note: Note) => Promise<T>;
  },
): Promise<T> {
  const began = Date.now();
  const say = (state: 'start' | 'note' | 'done' | 'failed', message: string): void =>
    options.onProgress({ part, state, message, elapsedMs: Date.now() - began });
  say('start', step.doing);
  try {
    const result = await step.run((message) => say('note', message));
    say('done', step.done?.(result) ?? step.doing);
    return result;
  } catch (error) {
    say('failed', error instanceof Error ? error.message : String(error));
    throw error;
  }
}
