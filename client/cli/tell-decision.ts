import type { PushDocument } from '../../model/schema/records.ts';
import type { SlipwayApi, StartedPush } from '../api.ts';
import { describeDecision, wasRefused } from '../describe-decision.ts';
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
 * `--watch` for a push that was refused before there was a plan; 0 for all that are planned, not decided yet, or started by a server
 * that says no more.
 */
export async function tellDecision(
  api: Pick<SlipwayApi, 'follow'>,
  started: StartedPush,
  { json, terminal, signal, patienceMs = DECISION_PATIENCE_MS }: TellDecisionOptions,
): Promise<ExitCode> {
  terminal.status('waiting for its plan');
  const { document, trouble } = await waitForDecision(api, started, { patienceMs, signal });
  terminal.status('');
  if (json) terminal.print(JSON.stringify(documentOf(started, document)));
  if (signal.aborted) terminal.note(`The push goes on; to see it: slipway watch ${started.pushId}`);
  signal.throwIfAborted();
  if (trouble !== undefined) terminal.note(`slipway: its plan is not known yet: ${trouble}`);
  if (started.outcome === 'resolved')
    terminal.note(
      `slipway: this push is resolved already${document ? `: ${document.state}` : ''}; --again opens a new round`,
    );
  const refused = document !== undefined && wasRefused(document);
  const isTold = trouble !== undefined || (started.outcome === 'resolved' && !refused);
  if (isTold || (json && !refused)) return EXIT.good;
  const [first = '', ...others] = document ? describeDecision(document) : ['it is not decided yet'];
  const say = refused ? terminal.error : terminal.note;
  for (const line of [`slipway: ${first}`, ...others]) say(line);
  return refused ? exitCodeOf(document) : EXIT.good;
}

function documentOf({ pushId: id, ...started }: StartedPush, document: PushDocument | undefined): object {
  const { outcome, decidedFor, url } = started;
  const { state, reason, detail, findings } = document ?? {};
  return { id, outcome, decidedFor, url, state, reason, detail, findings };
}
