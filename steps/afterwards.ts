/**
 * Has work done when whoever waits was told, if the worker lives that long. Of several with one name that have not begun
 * only the last is done.
 */
export type Afterwards = (
  name: string,
  work: (context: {
    /** Aborted when the worker ends. */
    readonly signal: AbortSignal;
    readonly say: (line: string) => void;
  }) => Promise<void>,
) => void;
