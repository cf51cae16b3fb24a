import { EXIT } from './exit-codes.ts';

export interface Interruption {
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/** Turns Ctrl-C and SIGTERM into an abort; a second Ctrl-C ends the process at once. */
export function catchInterruption(source: NodeJS.Process): Interruption {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  };
  source.on('SIGINT', interrupt);
  // SIGTERM may come from several who end us: repeating it says nothing new.
  source.on('SIGTERM', () => controller.abort());
  source.on('SIGHUP', () => controller.abort());
  return { signal: controller.signal };
}
