import type { SlipwayError } from '../../model/errors.ts';
import { isSlipwayError } from '../../model/errors.ts';
import { ERRORS } from '../../model/error-catalog.ts';
import type { ErrorType } from '../../model/error-catalog.ts';
import { nextStep } from '../next-step.ts';
import { withCauses } from '../with-causes.ts';
import type { ExitCode } from './exit-codes.ts';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** Not the tree's author's to mend, and yet nothing is broken: an argument or a configuration is wrong. */
const WRONG_INPUT: readonly ErrorType[] = ['ConfigInvalid', 'ProjectNotFound', 'NotGranted'];

/** Says on stderr what went wrong, for people, and gives the exit code that stands for it. */
export function reportError(error: unknown, terminal: Terminal): ExitCode {
  if (isSlipwayError(error)) {
    // Findings begin with their place, as compilers print them, so that editors can jump there.
    const and = error.type === 'StoreUnavailable' ? '; `slipway doctor` says what runs' : '';
    terminal.error(error.type === 'InvalidInput' ? error.message : `slipway: ${error.message}${and}`);
    const next = nextStep(error);
    if (next !== undefined) terminal.error(`slipway: ${next}`);
    return exitCodeOf(error);
  }
  if (error instanceof UsageError) {
    terminal.error(`slipway: ${error.message}`);
    return EXIT.usage;
  }
  terminal.error(`slipway: ${withCauses(error)}`);
  if (terminal.isVerbose && error instanceof Error) terminal.error(error.stack ?? '');
  return EXIT.infrastructure;
}

/** The exit code that an error of ours stands for. */
export function exitCodeOf(error: SlipwayError): ExitCode {
  if (ERRORS[error.type].owner === 'author' || WRONG_INPUT.includes(error.type)) return EXIT.usage;
  return EXIT.infrastructure;
}
