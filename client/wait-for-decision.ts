import type { PushDocument } from '../model/schema/records.ts';
import type { SlipwayApi, StartedPush } from './api.ts';
import { isDecided } from './describe-decision.ts';

/** How long who pushes waits to hear what was decided. */
export const DECISION_PATIENCE_MS = 5_000;

/**
 * The document of a push that was just started, once its plan stands or it ended without one; undefined when that takes longer than
 * patience has, or the signal ends the wait. What an earlier round decided does not count.
 */
export async function waitForDecision(
  api: Pick<SlipwayApi, 'follow'>,
  { pushId, round = 1 }: StartedPush,
  { patienceMs, signal }: { readonly patienceMs: number; readonly signal: AbortSignal },
): Promise<PushDocument | undefined> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  try {
    for await (const document of api.follow(pushId, patience))
      if (isDecided(document) && (document.round ?? 1) >= round) return document;
  } catch (error) {
    // Who pushes has waited long enough; whatever else is wrong is said.
    if (!patience.aborted) throw error;
  }
  return undefined;
}
