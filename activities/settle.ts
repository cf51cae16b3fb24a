import { setTimeout as delay } from 'node:timers/promises';
import { log } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { isSlipwayError } from '../model/errors.ts';
import type { ImageResolved, TaskResolved } from '../model/pure/payloads.ts';
import type { Settled, SettleInput } from '../model/pure/settle-payloads.ts';
import { isResolved } from '../model/pure/states.ts';
import { nextRunOf, recordImage } from '../steps/index-image.ts';
import type { PlanCache } from '../steps/plan-cache.ts';
import { isOfRound, recordUnstarted } from '../steps/read-push.ts';
import { settlePush } from '../steps/settle-push.ts';
import type { StepContext } from '../steps/step-context.ts';
import { unlessDamaged } from '../store/json-object.ts';
import type { Store } from '../store/store.ts';
import { cancelTasks, ignoreGone } from './cancel-tasks.ts';
import type { Silent } from './find-silent.ts';
import { findSilent } from './find-silent.ts';
import { requestImages } from './request-images.ts';
import { findEnd, findPushInput, reasonOf } from './workflow-ends.ts';

/** Between the two looks: a report that is on its way has arrived by then. */
const LOOK_AGAIN_MS = 5_000;

export interface SettleDeps {
  readonly client: Client;
  readonly store: Store;
  readonly plans: PlanCache;
}

type SettleContext = Pick<StepContext, 'signal' | 'isGivenUp'>;

/**
 * Looks for what ended without a word and settles it: gives it its record and tells who waits. Looks twice, so that what
 * is just ending by itself is left alone. Safe to repeat: a record that stands is not written again.
 */
export async function settle(
  deps: SettleDeps,
  { level }: SettleInput,
  context: SettleContext,
): Promise<Settled> {
  const { signal } = context;
  const onTrouble = (id: string, error: unknown): void =>
    log.warn('Could not be settled; the next look tries again', { id, error: String(error) });
  const look = (): Promise<readonly Silent[]> => findSilent(deps, level, { signal, onTrouble });
  const first = new Set((await look()).map(keyOf));
  if (first.size === 0) return { pushes: [], tasks: [], images: [] };
  await delay(LOOK_AGAIN_MS, undefined, { signal });
  const settled: Silent[] = [];
  for (const silent of await look()) {
    if (!first.has(keyOf(silent))) continue;
    try {
      if (await settleOne(deps, silent, context)) settled.push(silent);
    } catch (error) {
      signal.throwIfAborted();
      onTrouble(silent.id, error);
    }
  }
  const ids = (kind: Silent['kind']): string[] => [
    ...new Set(settled.filter((silent) => silent.kind === kind).map(({ id }) => id)),
  ];
  return { pushes: ids('push'), tasks: ids('task'), images: ids('image') };
}

/** The same thing, ended in the same way. */
function keyOf(silent: Silent): string {
  const waiting = silent.kind === 'image' ? silent.requester : '';
  return [silent.kind, silent.id, silent.end.how, silent.end.runId, waiting].join(' ');
}

/** Gives false when there was nothing to settle, or not yet. */
async function settleOne(deps: SettleDeps, silent: Silent, context: SettleContext): Promise<boolean> {
  if (!(await isStillEnded(deps, silent))) return false;
  switch (silent.kind) {
    case 'push':
      return settleEndedPush(deps, silent, context);
    case 'task':
      await settleTask(deps, silent, context);
      return true;
    case 'image':
      await settleImage(deps, silent, context);
      return true;
  }
}

/** Asked before anything is done: those before it in the row may have taken long, and it may have begun anew meanwhile. */
async function isStillEnded({ client }: SettleDeps, { id, end }: Silent): Promise<boolean> {
  const now = await findEnd(client, id);
  return now?.runId === end.runId && now?.how === end.how;
}

async function settleEndedPush(
  deps: SettleDeps,
  silent: Extract<Silent, { kind: 'push' }>,
  context: SettleContext,
): Promise<boolean> {
  const { client, store } = deps;
  const { id: pushId, end, before } = silent;
  if (before && isResolved(before.state)) {
    await store.pushes.close(pushId);
    return false;
  }
  // Nobody would ever cancel what a push left running.
  if (!(await cancelTasks(client, pushId, context.signal))) return false;
  // A new round may have begun meanwhile, and wants images of its own.
  if (!(await isStillEnded(deps, silent))) return false;
  await takeBackImages(deps, pushId);
  // One that begins after this has its status written after ours, or before it.
  if (!(await isStillEnded(deps, silent))) return false;
  const push = end.runId === undefined ? undefined : await findPushInput(client, pushId, end.runId);
  // A mark that nothing stands behind, in the store or in Temporal, says nothing.
  if (push === undefined && !(await unlessDamaged(store.pushes.find(pushId)))) {
    await store.pushes.close(pushId);
    return false;
  }
  try {
    await settlePush(deps, { pushId, before, verdict: reasonOf(end), push }, lasting(context));
    return true;
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'WriteConflict') return false;
    throw error;
  }
}

async function takeBackImages({ client, store }: SettleDeps, pushId: string): Promise<void> {
  const plan = await store.pushes.findPlan(pushId);
  for (const { taskId, action } of plan?.images ?? []) {
    if (action === 'reuse') continue;
    await client.workflow.getHandle(taskId).signal('unwantImage', { requester: pushId }).catch(ignoreGone);
  }
}

async function settleTask(
  { client, store, plans }: SettleDeps,
  { id, end, label, work }: Extract<Silent, { kind: 'task' }>,
  context: SettleContext,
): Promise<void> {
  const { pushId, plannedAt } = work;
  const record = await store.tasks.findUsable(id);
  const isRecorded = record !== undefined && isOfRound(record, work) && isResolved(record.state);
  const ended = reasonOf(end);
  if (!isRecorded)
    await recordUnstarted(
      store,
      plans,
      { pushId, plannedAt, tasks: [{ label, ...ended }] },
      lasting(context),
    );
  const resolved: TaskResolved =
    isRecorded && record.reason
      ? { label, state: record.state, reason: record.reason }
      : { label, state: 'exception', reason: ended.reason };
  await client.workflow.getHandle(pushId).signal('taskResolved', resolved).catch(ignoreGone);
}

async function settleImage(
  deps: SettleDeps,
  { id: taskId, end, name, work, requester }: Extract<Silent, { kind: 'image' }>,
  context: SettleContext,
): Promise<void> {
  const { client, store } = deps;
  const { pushId, plannedAt } = work;
  if (end.how === 'completed') {
    // It ended well for somebody else, or its answer was lost: asked again, it answers from the index.
    await requestImages(client, { requester, pushId, plannedAt, images: [{ taskId, name, force: false }] });
    return;
  }
  const ended = reasonOf(end);
  const input = { taskId, name, pushId, plannedAt };
  const run = await nextRunOf(store, taskId);
  // Only a build that had begun has something to record; a second requester finds it recorded.
  if (await store.logs.findLast(taskId, run))
    await recordImage(deps, { ...input, run, ...ended }, lasting(context));
  const resolved: ImageResolved = { taskId, bytesUploaded: 0, ...ended };
  await client.workflow.getHandle(requester).signal('imageResolved', resolved).catch(ignoreGone);
}

/** A log that takes longer to join than a look may take is joined all the same, and a later look finds it whole. */
function lasting({ isGivenUp }: SettleContext): Pick<StepContext, 'isGivenUp'> {
  return isGivenUp ? { isGivenUp } : {};
}
