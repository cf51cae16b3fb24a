import { ERRORS } from '../../model/error-catalog.ts';
import { isSlipwayError } from '../../model/errors.ts';
import type { PushOptions } from './push-options.ts';
import { quoteWord } from '../quote-word.ts';
import type { ReceivedBranch } from './receive-lines.ts';

export interface Missed {
  /** Absolute path of the repository. */
  readonly repository: string;
  readonly options: PushOptions;
  /** The name of this machine, where who pushes is at another. */
  readonly host?: string | undefined;
  readonly branches: readonly ReceivedBranch[];
}

/**
 * What starts the pushes of branches that arrived when none could be started, a line for each: git runs no hook again for what has
 * arrived. None where it would meet the same: the pusher's own mistake, or a ref that no project has.
 */
export function startLater(error: unknown, { branches, ...missed }: Missed): readonly string[] {
  if (isSlipwayError(error) && (ERRORS[error.type].owner !== 'operator' || error.type === 'ProjectNotFound'))
    return [];
  return branches.map((branch) => `to start it later${at(missed)}: ${commandOf(branch, missed)}`);
}

/** What begins a new round of the push of a branch that has its verdict: git runs no hook for a ref that does not move. */
export function startAgain(branch: ReceivedBranch, missed: Omit<Missed, 'branches'>): string {
  const options = { ...missed.options, again: true };
  return `to run it again${at(missed)}: ${commandOf(branch, { ...missed, options })}`;
}

/** The path is one of the server. */
function at({ host }: Pick<Missed, 'host'>): string {
  return host === undefined ? '' : `, on ${host}`;
}

function commandOf(
  { ref, revision }: ReceivedBranch,
  { repository, options }: Pick<Missed, 'repository' | 'options'>,
): string {
  const words = ['slipway', 'push', repository, '--rev', revision, '--ref', ref, ...wordsOf(options)];
  return words.map(quoteWord).join(' ');
}

function wordsOf({ request, project, again, hold }: PushOptions): readonly string[] {
  return [
    ...(request.tasks ? ['--tasks', request.tasks.join(',')] : []),
    ...(request.rebuild ? ['--rebuild', request.rebuild.join(',')] : []),
    ...(project === undefined ? [] : ['--project', project]),
    ...(again ? ['--again'] : []),
    ...(hold ? ['--hold'] : []),
  ];
}
