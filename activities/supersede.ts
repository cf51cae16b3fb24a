import { log } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { levelOf, parseId } from '../model/pure/ids.ts';
import type { PushInput } from '../model/pure/payloads.ts';
import type { SupersedeInput } from '../model/pure/supersede.ts';
import { isResolved } from '../model/pure/states.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { PushRecord } from '../model/schema/records.ts';
import { unlessUnreadable } from '../store/json-object.ts';
import type { Store } from '../store/store.ts';

/** So many pushes of the project that came later are looked through for one that takes the place of this one. */
const LATER_PUSHES = 128;

interface SupersedeDeps {
  readonly client: Client;
  readonly store: Store;
}

/** What decides whether a push takes the place of another one. */
type Newer = Pick<PushInput, 'ref' | 'repository'> & Pick<Plan, 'compared'> & { readonly arrived: string };

/**
 * Tells every running push that a newer one takes the place of: of the same project, level and ref, of another revision, arrived
 * before. One that arrived at further refs is left alone, and so is one whose revision the newer one was held against: nothing else
 * tests what it has changed. Safe to repeat: whoever has ended hears nothing.
 *
 * The one that asks may be the older one itself: what was planned before it had a record could not tell it. Then it hears it from
 * here, as it would have from there. Not in a new round: who asked for that wanted it in spite of what came later.
 */
export async function supersede(
  deps: SupersedeDeps,
  { pushId, push }: SupersedeInput,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { store } = deps;
  const [record, plan] = await Promise.all([
    store.pushes.find(pushId),
    unlessUnreadable(store.pushes.findPlan(pushId)),
  ]);
  const isNewRound = push.again === true || push.round !== undefined || push.rerun !== undefined;
  const newer = record && !isNewRound ? await findNewer(store, record, signal) : undefined;
  if (newer !== undefined) {
    await tell(deps, pushId, newer);
    return [];
  }
  // When it arrived: a new round of an old push is not newer than what has been pushed since, unless it was pushed again itself.
  const own = { ...push, arrived: record ? arrivalOf(record) : push.received, compared: plan?.compared };
  const told: string[] = [];
  for await (const other of store.pushes.open(levelOf(pushId))) {
    signal.throwIfAborted();
    if (!isOfProject(other, push)) continue;
    const older = await unlessUnreadable(store.pushes.find(other));
    if (!older || !isReplaced(older, own)) continue;
    const status = await store.pushes.findUsableStatus(other);
    if (status && isResolved(status.state)) continue;
    if (await tell(deps, other, pushId)) told.push(other);
  }
  return told;
}

/** The newest push that takes the place of one: planned, and carried out, or being so. */
async function findNewer(store: Store, own: PushRecord, signal: AbortSignal): Promise<string | undefined> {
  const { project, received: after, refs } = own;
  const wanted = { levels: [levelOf(own.pushId)], project, after, limit: LATER_PUSHES };
  for (const { pushId, received } of await store.pushes.list(wanted)) {
    signal.throwIfAborted();
    if (!isOfProject(pushId, own)) continue;
    // A record is short, and most are of other refs; where it cannot be read, what was planned says it.
    const record = await unlessUnreadable(store.pushes.find(pushId));
    if (record && !refs.some((ref) => record.refs.includes(ref))) continue;
    const status = await store.pushes.findUsableStatus(pushId);
    // What was refused or cancelled tests nothing; without a status it is not planned, and will tell by itself.
    if (!status || status.state === 'exception' || status.repository !== own.repository) continue;
    const plan = await unlessUnreadable(store.pushes.findPlan(pushId));
    if (plan && isReplaced(own, { ...plan, arrived: received })) return pushId;
  }
  return undefined;
}

/** Gives false when that has ended. */
async function tell({ client }: SupersedeDeps, pushId: string, by: string): Promise<boolean> {
  try {
    await client.workflow.getHandle(pushId).signal('superseded', { by });
    log.info('A newer push takes the place of one', { pushId, by });
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return false;
  }
}

function isOfProject(id: string, push: Pick<PushInput, 'project' | 'revision'>): boolean {
  const parsed = parseId(id);
  return parsed?.kind === 'push' && parsed.project === push.project && parsed.revision !== push.revision;
}

function isReplaced(older: PushRecord, newer: Newer): boolean {
  const { refs, repository, revision } = older;
  const isOfRef = refs.length === 1 && refs[0] === newer.ref && repository === newer.repository;
  const isOlder = Date.parse(arrivalOf(older)) < Date.parse(newer.arrived);
  return isOfRef && isOlder && newer.compared?.revision !== revision;
}

function arrivalOf({ received, arrived = received }: PushRecord): string {
  return arrived;
}
