import type { PushDocument } from '../model/schema/records.ts';
import type { SlipwayApi, StartedPush } from './api.ts';
import { isDecided } from './describe-decision.ts';

/** How long who pushes waits to hear what was decided. */
export const DECISION_PATIENCE_MS = 5_000;

/** What is known of a push soon after its start: what was decided, or why nobody can say; neither when it takes longer. */
export interface AwaitedDecision {
  readonly document?: PushDocument;
  /** What went wrong while it was followed, in words. The push is started all the same. */
  readonly trouble?: string;
}

/**
 * The document of a push that was just started, once its plan stands or it ended without one; none when that takes longer than
 * patience has, or the signal ends the wait, whatever a silent server does. What an earlier round decided does not count. Never throws.
 */
export async function waitForDecision(
  api: Pick<SlipwayApi, 'follow'>,
  { pushId, round = 1 }: StartedPush,
  { patienceMs, signal }: { readonly patienceMs: number; readonly signal: AbortSignal },
): Promise<AwaitedDecision> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  const isOver = new Promise<undefined>((resolve) => {
    if (patience.aborted) resolve(undefined);
    patience.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  let follower: AsyncIterator<PushDocument> | undefined;
  try {
    follower = api.follow(pushId, patience)[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([follower.next(), isOver]);
      if (next === undefined || next.done) return {};
      const document = next.value;
      if (isDecided(document) && (document.round ?? 1) >= round) return { document };
    }
  } catch (error) {
    if (patience.aborted) return {};
    return { trouble: error instanceof Error ? error.message : String(error) };
  } finally {
    // Not waited for: it ends after the look that is under way, which a silent server may hold up.
    void follower?.return?.().catch(() => undefined);
  }
}
