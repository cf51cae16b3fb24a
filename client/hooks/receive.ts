import { isSlipwayError } from '../../model/errors.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import type { SlipwayApi, StartedPush } from '../api.ts';
import { describeDecision, wasRefused } from '../describe-decision.ts';
import { describeOtherRef } from '../describe-other-ref.ts';
import type { AwaitedDecision } from '../wait-for-decision.ts';
import { waitForDecision } from '../wait-for-decision.ts';
import { formatForHook } from './format-for-hook.ts';
import type { PushOptions } from './push-options.ts';
import { KNOWN_PUSH_OPTIONS } from './push-options.ts';
import type { ReceivedRef } from './receive-lines.ts';

export interface ReceiveOptions {
  /** Absolute path of the repository. */
  readonly repository: string;
  readonly refs: readonly ReceivedRef[];
  readonly options: PushOptions;
  readonly pushedBy: string;
  /** How long the pusher waits to hear what was decided, in milliseconds. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** A line that `git push` shows. */
  readonly say: (line: string) => void;
}

type Branch = ReceivedRef & { readonly revision: string };

/** Starts one push for each branch that arrived and says what was decided. Trouble is said and never thrown: the refs are there already. */
export async function receive(api: SlipwayApi, received: ReceiveOptions): Promise<void> {
  const { options, say } = received;
  if (options.unknown.length > 0)
    say(`push options without a meaning here: ${options.unknown.join(', ')} (known: ${KNOWN_PUSH_OPTIONS})`);
  for (const branch of branchesOf(received)) {
    try {
      await receiveBranch(api, branch, received);
    } catch (error) {
      sayTrouble(error, received);
    }
  }
}

/** Says why nothing was started, in the words of the error. */
export function sayTrouble(error: unknown, { say }: Pick<ReceiveOptions, 'say'>): void {
  const message = error instanceof Error ? error.message : String(error);
  say(`no push was started: ${message.split('\n').join('\n  ')}`);
  if (!isSlipwayError(error)) say('the refs are there all the same; `slipway doctor` says what is wrong');
}

function branchesOf({ refs, say }: ReceiveOptions): Branch[] {
  return refs.flatMap(({ ref, revision, before }) => {
    if (revision === undefined) return [];
    if (ref.startsWith('refs/heads/')) return [{ ref, revision, before }];
    say(`${ref} is no branch: nothing to do`);
    return [];
  });
}

async function receiveBranch(api: SlipwayApi, branch: Branch, received: ReceiveOptions): Promise<void> {
  const { repository, options, pushedBy, say } = received;
  const { ref, revision, before } = branch;
  const started = await api.start({
    repository,
    ref,
    revision,
    request: options.request,
    pushedBy,
    ...(before === undefined ? {} : { before }),
    ...(options.project === undefined ? {} : { project: options.project }),
    ...(options.again ? { again: true } : {}),
    ...(options.hold ? { hold: true } : {}),
  });
  const decision = await waitForDecision(api, started, received);
  const { document } = decision;
  if (document && isNothing(document)) {
    say(`${ref.replace('refs/heads/', '')}: ${describeDecision(document).join('; ')}`);
    return;
  }
  say(started.pushId);
  if (started.url) say(`  ${started.url}`);
  if (started.outcome === 'joined') say('  it runs already');
  if (started.outcome === 'resolved') say(`  it is resolved already${document ? `: ${document.state}` : ''}`);
  for (const line of describeOtherRef(started, ref, '-o again')) say(`  ${line}`);
  for (const line of linesOf(started, decision)) say(`  ${line}`);
  say(`  slipway watch ${started.pushId}`);
}

function linesOf({ outcome }: StartedPush, { document, trouble }: AwaitedDecision): readonly string[] {
  if (trouble !== undefined) return `its plan is not known yet: ${trouble}`.split('\n');
  if (document === undefined) return ['it is not decided yet'];
  // What was built then is not built now.
  if (outcome === 'resolved' && !wasRefused(document)) return [];
  return describeDecision(document, formatForHook);
}

/** A tree that asks nothing of us gets one line. */
function isNothing({ state, decisionMs }: PushDocument): boolean {
  return state === 'completed' && decisionMs === undefined;
}
