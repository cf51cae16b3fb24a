export interface OneAtATime {
  /** Does the work, or once more after what goes on: whatever is asked for meanwhile is one more time. */
  ask(): void;
  /** Nothing is begun after it; what goes on may end. */
  stop(): void;
}

/** Work that looks at all there is, however often it is asked for. It throws nothing. */
export function oneAtATime(work: () => Promise<void>): OneAtATime {
  let isAsked = false;
  let isWorking = false;
  let isStopped = false;
  const goOn = async (): Promise<void> => {
    if (isWorking) return;
    isWorking = true;
    while (isAsked && !isStopped) {
      isAsked = false;
      await work();
    }
    isWorking = false;
  };
  return {
    ask: () => {
      isAsked = true;
      void goOn();
    },
    stop: () => {
      isStopped = true;
    },
  };
}
