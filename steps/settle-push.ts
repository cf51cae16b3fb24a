import type { ImageOutcome, PushInput } from '../model/pure/payloads.ts';
import type { PushReason, TaskReason } from '../model/pure/states.ts';
import { isResolved } from '../model/pure/states.ts';
import type { PushDocument, PushImage } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import type { PlanCache } from './plan-cache.ts';
import { composeDocument } from './push-document.ts';
import { readTaskRecords, recordUnstarted } from './read-push.ts';
import { ensureReceived } from './receive-push.ts';
import type { StepContext } from './step-context.ts';
import { expectNotGivenUp } from './step-context.ts';

/** Why something ended whose own workflow could not say it. */
export interface SettledReason {
  readonly reason: Extract<PushReason & TaskReason, 'canceled' | 'internal-error'>;
  readonly detail: string;
}

export interface SettlePushInput {
  readonly pushId: string;
  /** The status as it was read before the workflow was seen to have ended. */
  readonly before: PushDocument | undefined;
  readonly verdict: SettledReason;
  /** What was pushed, for a push that ended before it had a record, or whose record is damaged. */
  readonly push?: PushInput | undefined;
}

/**
 * Gives a push its verdict that its own workflow can't give any more, and each of its unfinished tasks an end. Safe to
 * repeat. @throws {WriteConflict} when its status was written meanwhile: a new round has begun.
 */
export async function settlePush(
  { store, plans }: { readonly store: Store; readonly plans: PlanCache },
  { pushId, before, verdict, push }: SettlePushInput,
  context: Pick<StepContext, 'isGivenUp'>,
): Promise<void> {
  const record = await ensureReceived(store, { push, pushId });
  const plan = await store.pushes.findPlan(pushId);
  if (plan) {
    const known = await readTaskRecords(store, pushId, plan);
    const tasks = plan.tasks
      .filter(({ label }) => !isResolved(known.get(label)?.state ?? 'unscheduled'))
      .map(({ label }) => ({ label, ...verdict }));
    await recordUnstarted(store, plans, { pushId, plannedAt: plan.plannedAt, tasks }, context);
  }
  const document = composeDocument({
    record,
    plan,
    findings: plan?.warnings ?? before?.findings ?? [],
    outcomes: (before?.images ?? []).map(outcomeOf),
    taskRecords: plan ? await readTaskRecords(store, pushId, plan) : new Map(),
    verdict,
  });
  expectNotGivenUp(context);
  await store.pushes.settleStatus(document, before);
}

/** Whoever waited for an image does so no more. */
function outcomeOf({ name, outcome, bytesUploaded, manifestDigest, detail }: PushImage): ImageOutcome {
  return {
    name,
    outcome: outcome === 'pending' ? 'canceled' : outcome,
    bytesUploaded,
    ...(manifestDigest === undefined ? {} : { manifestDigest }),
    ...(detail === undefined ? {} : { detail }),
  };
}
