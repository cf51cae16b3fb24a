import type { PushDocument } from '../../model/schema/records.ts';
import type { SlipwayApi, StartedPush } from '../api.ts';
import { describeDecision } from '../describe-decision.ts';
import { DECISION_PATIENCE_MS, waitForDecision } from '../wait-for-decision.ts';
import type { ExitCode } from './exit-codes.ts';
import { EXIT } from './exit-codes.ts';
import type { Session } from './session.ts';
import { exitCodeOf } from './watch-push.ts';

export interface TellDecisionOptions extends Pick<Session, 'terminal' | 'signal'> {
  readonly json: boolean;
  readonly patienceMs?: number;
}

/**
 * Says what was decided about a push that was just started, as the git hook does, and then lets go of it. The exit code is that of
 * `--watch` for a push that was refused before there was a plan; 0 for all that are planned, or not decided yet.
 */
export async function tellDecision(
  api: Pick<SlipwayApi, 'follow'>,
  started: StartedPush,
  { json, terminal, signal, patienceMs = DECISION_PATIENCE_MS }: TellDecisionOptions,
): Promise<ExitCode> {
  terminal.status('waiting for its plan');
  const document = await waitForDecision(api, started, { patienceMs, signal });
  terminal.status('');
  if (json) terminal.print(JSON.stringify(documentOf(started, document)));
  if (signal.aborted) terminal.note(`The push goes on; to see it: slipway watch ${started.pushId}`);
  signal.throwIfAborted();
  const refused = document !== undefined && wasRefused(document);
  const [first = '', ...others] = document ? describeDecision(document) : ['it is not decided yet'];
  const say = refused ? terminal.error : terminal.note;
  if (!json || refused) for (const line of [`slipway: ${first}`, ...others]) say(line);
  return refused ? exitCodeOf(document) : EXIT.good;
}

/** It ended without a plan; or what its decision program printed has mistakes. */
function wasRefused({ reason, resolved, decisionMs }: PushDocument): boolean {
  return reason === 'malformed-plan' || (resolved !== undefined && decisionMs === undefined);
}

function documentOf({ pushId: id, ...started }: StartedPush, document: PushDocument | undefined): object {
  const { outcome, decidedFor, url } = started;
  const { state, reason, detail, findings } = document ?? {};
  return { id, outcome, decidedFor, url, state, reason, detail, findings };
}
