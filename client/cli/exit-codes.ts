/** How a verb ended, as scripts see it. */
export const EXIT = {
  good: 0,
  /** A task or push did not succeed. */
  unsuccessful: 1,
  /** Usage or invalid input. */
  usage: 2,
  infrastructure: 3,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
