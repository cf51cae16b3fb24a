import { isResolved } from '../../model/pure/states.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { InternalError, isSlipwayError } from '../../model/errors.ts';
import type { OnAway, SlipwayApi } from '../api.ts';
import { describeAway } from './describe-away.ts';
import type { ExitCode } from './exit-codes.ts';
import { EXIT } from './exit-codes.ts';
import { findTrouble } from './find-trouble.ts';
import type { FollowedRound } from './follow-round.ts';
import { followRound } from './follow-round.ts';
import { pushChanges, pushStanding } from './render/push-changes.ts';
import { renderPush } from './render/push-text.ts';
import { formatDuration } from './render/quantities.ts';
import type { Session } from './session.ts';
import { WaitTeller } from './wait-teller.ts';

export interface WatchOptions extends FollowedRound {
  readonly json: boolean;
  /** How often it is asked what holds up the push. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 10_000;

/** Shows a push until its verdict, line by line as things happen, and gives the exit code that the verdict stands for. */
export async function watchPush(
  api: SlipwayApi,
  pushId: string,
  {
    json,
    since,
    round,
    terminal,
    signal,
    lookEveryMs = LOOK_EVERY_MS,
  }: WatchOptions & Pick<Session, 'terminal' | 'signal'>,
): Promise<ExitCode> {
  const began = Date.now();
  // In a document for programs nothing else belongs on stdout.
  const print = json ? (line: string) => terminal.isInteractive && terminal.note(line) : terminal.print;
  const elapsed = (): string => formatDuration(Date.now() - began).padStart(11);
  const say = (line: string): void => {
    if (!terminal.isQuiet) print(`${elapsed()}  ${line}`);
  };
  const waits = new WaitTeller(api, say);
  let shown: PushDocument | undefined;
  let standing: PushDocument | undefined;
  const look = async (): Promise<void> => {
    if (standing && !terminal.isQuiet) await waits.look(standing);
  };
  const onEarlier = (document: PushDocument): void => {
    const isFirst = standing === undefined;
    standing = unplanned(document);
    terminal.status(`${elapsed()}  its new round is not planned yet`);
    if (isFirst) void look();
  };
  // Once it answers the push is shown again, which takes the place of this.
  const onAway: OnAway = (error) => terminal.status(`${elapsed()}  ${describeAway(error)}`);
  // Nothing changes in a push that nobody plans, or while its tasks are refused.
  const looking = setInterval(() => void look(), lookEveryMs);
  try {
    for await (const document of followRound(api, pushId, { round, since, signal, onEarlier, onAway })) {
      standing = document;
      for (const line of pushChanges(shown, document)) say(line);
      await waits.change(document);
      terminal.status(isResolved(document.state) ? '' : `${elapsed()}  ${pushStanding(document)}`);
      shown = document;
    }
  } catch (error) {
    // One that is not found any more has ended.
    if (!isSlipwayError(error) || error.type !== 'NotFound')
      terminal.note(`The push goes on; to see it again: slipway watch ${pushId}`);
    throw error;
  } finally {
    clearInterval(looking);
  }
  if (!shown) throw new InternalError(`${pushId} has no record`);
  await showVerdict(api, shown, { json, since, terminal, signal });
  return exitCodeOf(shown);
}

/** 0 for a push that completed, 2 for one that could not be read, 1 for every other verdict. */
export function exitCodeOf(document: PushDocument): ExitCode {
  if (document.reason === 'malformed-plan') return EXIT.usage;
  if (document.state !== 'completed') return EXIT.unsuccessful;
  // Completed without a plan: there was no slipway.yml. Nobody asks for a push of nothing on purpose.
  return document.decisionMs === undefined ? EXIT.usage : EXIT.good;
}

/** A round that nobody has planned yet, from what there is of the one before. */
function unplanned({ decisionMs: _ofBefore, ...earlier }: PushDocument): PushDocument {
  return { ...earlier, state: 'running', images: [], tasks: [] };
}

async function showVerdict(
  api: SlipwayApi,
  document: PushDocument,
  { json, since, terminal, signal }: WatchOptions & Pick<Session, 'terminal' | 'signal'>,
): Promise<void> {
  if (json) {
    terminal.print(JSON.stringify(document));
    return;
  }
  const trouble = await findTrouble(api, document, { signal });
  const url = api.uiLink(document.id);
  terminal.print('');
  for (const line of renderPush(document, {
    paint: terminal.paint,
    nowMs: Date.now(),
    roundAskedMs: since,
    url,
    trouble,
  }))
    terminal.print(line);
}
