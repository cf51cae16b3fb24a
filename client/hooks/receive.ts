import { mapAhead, mapConcurrently } from '../../model/concurrently.ts';
import type { SlipwayError } from '../../model/errors.ts';
import { isSlipwayError } from '../../model/errors.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import type { EndingWait, SlipwayApi, StartedPush, StartPush } from '../api.ts';
import { describeDecision, wasRefused } from '../describe-decision.ts';
import { describeOtherRef } from '../describe-other-ref.ts';
import { isAway } from '../is-away.ts';
import type { AwaitedDecision } from '../wait-for-decision.ts';
import { waitForDecision } from '../wait-for-decision.ts';
import { nextStep } from '../next-step.ts';
import { withCauses } from '../with-causes.ts';
import { formatForHook } from './format-for-hook.ts';
import type { PushOptions } from './push-options.ts';
import { KNOWN_PUSH_OPTIONS } from './push-options.ts';
import type { ReceivedBranch, ReceivedRef } from './receive-lines.ts';
import { isBranch } from './receive-lines.ts';
import type { Missed } from './start-later.ts';
import { startAgain, startLater } from './start-later.ts';
import { stillEnding } from '../still-ending.ts';

export interface ReceiveOptions {
  /** Absolute path of the repository. */
  readonly repository: string;
  readonly refs: readonly ReceivedRef[];
  readonly options: PushOptions;
  readonly pushedBy: string;
  /** The name of this machine, where who pushes is at another. */
  readonly host?: string | undefined;
  /** How long the pusher waits to hear what was decided, in milliseconds. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** A line that `git push` shows. */
  readonly say: (line: string) => void;
  /** The same for a line aside, which harms nothing where nobody hears it. */
  readonly sayAside: (line: string) => void;
}

/** A branch with the push that was started for it, or why none was. */
type Begun = { readonly branch: ReceivedBranch } & (
  { readonly started: StartedPush } | { readonly error: unknown }
);

/** The pusher waits so long for the end of a push that was cancelled, if a new round of it is to begin. */
const ENDING_PATIENCE_MS = 60_000;

/** So many decisions are looked for side by side. */
const WAITED_FOR = 64;

/**
 * Starts one push for each branch that arrived, then says what was decided, in their order, and keeps the pusher waiting for all of
 * that no longer than for one. All are started before a word of that is said: whoever has gone by then cuts off words and no push.
 * Trouble is said and never thrown: the refs are there already.
 */
export async function receive(api: SlipwayApi, received: ReceiveOptions): Promise<void> {
  const { options, refs, patienceMs, say } = received;
  const begun = await startAll(api, refs.filter(isBranch), received);
  if (options.unknown.length > 0)
    say(`push options without a meaning here: ${options.unknown.join(', ')} (known: ${KNOWN_PUSH_OPTIONS})`);
  for (const { ref } of refs.filter(isOther)) say(`${ref} is no branch: nothing to do`);
  const signal = AbortSignal.any([received.signal, AbortSignal.timeout(patienceMs)]);
  const wait = async (one: Begun): Promise<readonly string[]> =>
    'started' in one
      ? linesOf(one.started, received, {
          branch: one.branch,
          decision: await waitForDecision(api, one.started, { patienceMs, signal }),
        })
      : describeTrouble(one.error, { ...received, branches: [one.branch] });
  for await (const lines of mapAhead(begun, wait, WAITED_FOR)) lines.forEach(say);
}

/** Why nothing was started, in the words of the error, and what starts it once that has passed. */
export function describeTrouble(error: unknown, missed?: Missed): readonly string[] {
  const isKnown = isSlipwayError(error);
  const message = isKnown ? error.message : withCauses(error);
  const next = isKnown ? nextStep(error) : undefined;
  return [
    `no push was started: ${message.split('\n').join('\n  ')}`,
    ...(isKnown && error.type !== 'StoreUnavailable'
      ? []
      : ['the refs are there all the same; `slipway doctor` says what is wrong']),
    ...(next === undefined ? [] : [next]),
    ...(missed ? startLater(error, missed) : []),
  ];
}

function isOther({ revision, ref }: ReceivedRef): boolean {
  return revision !== undefined && !ref.startsWith('refs/heads/');
}

/**
 * In the order of the branches. Those of one revision may be one push, which is decided for the first of them. Once Temporal or the
 * store has not answered for one, it is not asked for those that are left.
 */
async function startAll(
  api: SlipwayApi,
  branches: readonly ReceivedBranch[],
  received: ReceiveOptions,
): Promise<readonly Begun[]> {
  const begun = new Map<ReceivedBranch, Begun>();
  const wait: EndingWait = {
    patienceMs: ENDING_PATIENCE_MS,
    // Of several, some may not have been started yet.
    ...(branches.length === 1 ? { onEnding: () => received.say(stillEnding('this push')) } : {}),
  };
  let away: SlipwayError | undefined;
  const start = async (branch: ReceivedBranch): Promise<Begun> => {
    if (away) return { branch, error: away };
    try {
      return { branch, started: await api.start(describePush(branch, received), wait) };
    } catch (error) {
      if (isAway(error)) away ??= error;
      return { branch, error };
    }
  };
  const slow = setTimeout(
    () => received.sayAside('not every push is started yet: still waiting for Temporal and the store'),
    received.patienceMs,
  );
  try {
    await mapConcurrently(Map.groupBy(branches, ({ revision }) => revision).values(), async (ofOne) => {
      for (const branch of ofOne) begun.set(branch, await start(branch));
    });
  } finally {
    clearTimeout(slow);
  }
  return branches.flatMap((branch) => begun.get(branch) ?? []);
}

function describePush({ ref, revision, before }: ReceivedBranch, received: ReceiveOptions): StartPush {
  const { repository, options, pushedBy } = received;
  return {
    repository,
    ref,
    revision,
    request: options.request,
    pushedBy,
    ...(before === undefined ? {} : { before }),
    ...(options.project === undefined ? {} : { project: options.project }),
    ...(options.again ? { again: true } : {}),
    ...(options.hold ? { hold: true } : {}),
  };
}

function linesOf(
  started: StartedPush,
  received: ReceiveOptions,
  { branch, decision }: { readonly branch: ReceivedBranch; readonly decision: AwaitedDecision },
): readonly string[] {
  const { document } = decision;
  if (document && isNothing(document))
    return [`${branch.ref.replace('refs/heads/', '')}: ${describeDecision(document).join('; ')}`];
  const aside = [
    ...(started.url ? [started.url] : []),
    ...(started.outcome === 'joined' ? ['it runs already'] : []),
    ...(started.outcome === 'resolved'
      ? [
          `it is resolved already${document ? `: ${document.state}` : ''}`,
          ...(document && mayEndOtherwise(document) ? [startAgain(branch, received)] : []),
        ]
      : []),
    ...describeOtherRef(started, branch.ref, '-o again'),
    ...describeDecided(started, decision),
    `slipway watch ${started.pushId}`,
  ];
  return [started.pushId, ...aside.map((line) => `  ${line}`)];
}

function describeDecided(
  { outcome }: StartedPush,
  { document, trouble }: AwaitedDecision,
): readonly string[] {
  if (trouble !== undefined) return `its plan is not known yet: ${trouble}`.split('\n');
  if (document === undefined) return outcome === 'resolved' ? [] : ['it is not decided yet'];
  // What was built then is not built now.
  if (outcome === 'resolved' && !wasRefused(document)) return [];
  return describeDecision(document, formatForHook);
}

/** Whether another round of it may come to a better end: it did not complete, and what it asks for has no mistakes. */
function mayEndOtherwise({ state, reason }: PushDocument): boolean {
  return state !== 'completed' && reason !== 'malformed-plan';
}

/** A tree that asks nothing of us gets one line. */
function isNothing({ state, decisionMs }: PushDocument): boolean {
  return state === 'completed' && decisionMs === undefined;
}
