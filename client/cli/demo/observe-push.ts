import { setTimeout as delay } from 'node:timers/promises';
import { InternalError, isSlipwayError } from '../../../model/errors.ts';
import { isResolved } from '../../../model/pure/states.ts';
import type { PushDocument } from '../../../model/schema/records.ts';
import type { SlipwayApi } from '../../api.ts';
import { findTrouble } from '../find-trouble.ts';
import { pushChanges, pushStanding } from '../render/push-changes.ts';
import { formatDuration } from '../render/quantities.ts';
import type { Narrator } from './narrator.ts';

/** The push may be recorded a moment after git has ended. */
const RECORDED_WITHIN_MS = 30_000;

/** Tells what happens in the push of a revision and gives its verdict. */
export async function observePush(
  api: SlipwayApi,
  revision: string,
  { narrator, signal }: { readonly narrator: Narrator; readonly signal: AbortSignal },
): Promise<PushDocument> {
  const pushId = await findPush(api, revision, signal);
  let last: PushDocument | undefined;
  for await (const document of api.follow(pushId, signal)) {
    for (const line of pushChanges(last, document)) narrator.happened(line);
    narrator.status(isResolved(document.state) ? '' : pushStanding(document));
    last = document;
  }
  if (!last) throw new InternalError(`${pushId} has no record`);
  const elapsedMs = Date.parse(last.resolved ?? last.received) - Date.parse(last.received);
  narrator.happened(`the push ${last.state} after ${formatDuration(elapsedMs)}`);
  for (const { name, what, lastLines } of await findTrouble(api, last, { lines: 20, limit: 5, signal })) {
    narrator.say(`${name}: ${what}`);
    narrator.output(lastLines.join('\n'));
  }
  return last;
}

async function findPush(api: SlipwayApi, revision: string, signal: AbortSignal): Promise<string> {
  const deadline = Date.now() + RECORDED_WITHIN_MS;
  for (;;) {
    try {
      return await api.resolvePush(revision);
    } catch (error) {
      if (!isSlipwayError(error) || error.type !== 'NotFound' || Date.now() > deadline) throw error;
      await delay(200, undefined, { signal });
    }
  }
}
