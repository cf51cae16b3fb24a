import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/**
 * How Node is started for our own programs, here and in `bin/slipway`. Contents of layers that have been passed on are waste which a
 * small young generation gives back soon: without it a process that moves an image of 2 GB holds 100 MiB more at its peak.
 */
export const NODE_ARGUMENTS: readonly string[] = [
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=4',
];

/** The command that runs one of our own verbs in another process, on the same Node. */
export function ownCommand(...args: string[]): [string, ...string[]] {
  return [process.execPath, ...NODE_ARGUMENTS, MAIN, ...args];
}

/** `bin/slipway` of this checkout, for hooks and for people. */
export const SLIPWAY_PROGRAM = fileURLToPath(new URL('../../bin/slipway', import.meta.url));
