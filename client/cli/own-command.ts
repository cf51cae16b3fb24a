import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

/** The command that runs one of our own verbs in another process, on the same Node. */
export function ownCommand(...args: string[]): [string, ...string[]] {
  return [process.execPath, '--disable-warning=ExperimentalWarning', MAIN, ...args];
}

/** `bin/slipway` of this checkout, for hooks and for people. */
export const SLIPWAY_PROGRAM = fileURLToPath(new URL('../../bin/slipway', import.meta.url));
