import { NotFound } from '../model/errors.ts';
import type { PushInput } from '../model/pure/payloads.ts';
import type { PushRecord } from '../model/schema/records.ts';
import { unlessDamaged, unlessUnreadable } from '../store/json-object.ts';
import type { Store } from '../store/store.ts';

/** Creates the record of a push, or adds its ref and its round to the one that is there. Safe to repeat. */
export function receivePush(
  store: Store,
  received: { readonly push: PushInput; readonly pushId: string },
  domain: string,
): Promise<PushRecord> {
  return store.pushes.receive(recordOfPush(received, domain));
}

/**
 * The record of a push. Where it has none yet, or a damaged one, it gets one by what was pushed; the plan knows its trust domain.
 *
 * @throws {NotFound} {InternalError} for either where that is not known.
 */
export async function ensureReceived(
  store: Store,
  { push, pushId }: { readonly push: PushInput | undefined; readonly pushId: string },
): Promise<PushRecord> {
  const finding = store.pushes.find(pushId);
  const record = await (push ? unlessDamaged(finding) : finding);
  if (record) return record;
  if (!push) throw new NotFound(`No push ${pushId}`);
  const plan = await unlessUnreadable(store.pushes.findPlan(pushId));
  return receivePush(store, { push, pushId }, plan?.domain ?? push.project);
}

/** The record that a push begins with. */
export function recordOfPush(
  { push, pushId }: { readonly push: PushInput; readonly pushId: string },
  domain: string,
): PushRecord {
  const {
    project,
    level,
    repository,
    ref,
    revision,
    request,
    pushedBy,
    received,
    round,
    rerun,
    arrivedAgain,
  } = push;
  return {
    version: 1,
    pushId,
    project,
    domain,
    level,
    repository,
    refs: [ref],
    revision,
    request,
    pushedBy,
    received,
    ...(round === undefined ? {} : { rounds: [{ round, began: received, by: pushedBy, ...tasksOf(rerun) }] }),
    ...(arrivedAgain ? { arrived: received } : {}),
  };
}

/** Of very many labels the record keeps the first. */
const MOST_LABELS = 100;

function tasksOf(rerun: PushInput['rerun']): { readonly tasks?: string[] | 'failed' } {
  if (!rerun) return {};
  return { tasks: rerun.tasks === 'failed' ? 'failed' : rerun.tasks.slice(0, MOST_LABELS) };
}
