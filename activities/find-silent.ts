import type { Client } from '@temporalio/client';
import type { Level } from '../model/pure/ids.ts';
import { levelOf, parseId, queueName, taskIdIn } from '../model/pure/ids.ts';
import type { OpenWork } from '../model/pure/settle-payloads.ts';
import type { PushDocument } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import type { WorkflowEnd } from './workflow-ends.ts';
import { findEnd, listIds } from './workflow-ends.ts';

/** Something whose workflow ended without a word, so that its record stands open or somebody waits for it. */
export type Silent =
  | {
      readonly kind: 'push';
      readonly id: string;
      readonly end: WorkflowEnd;
      readonly before: PushDocument | undefined;
    }
  | {
      readonly kind: 'task';
      readonly id: string;
      readonly end: WorkflowEnd;
      readonly label: string;
      readonly work: OpenWork;
    }
  | {
      readonly kind: 'image';
      readonly id: string;
      readonly end: WorkflowEnd;
      readonly name: string;
      readonly work: OpenWork;
      /** The push or image that waits for it. */
      readonly requester: string;
    };

/** A push that ended without a record is looked for so far back. */
const LOOK_BACK_MS = 24 * 3_600_000;

export interface FindDeps {
  readonly client: Client;
  readonly store: Store;
}

/** One look. Hundreds of pushes may wait for the same images, of which each is asked only once. */
interface Look extends FindDeps {
  readonly found: Silent[];
  /** How images ended, by their ids. */
  readonly ends: Map<string, WorkflowEnd | undefined>;
  /** Images that have said what they wait for. */
  readonly asked: Set<string>;
}

/**
 * One look at everything of a level that has no end yet. `onTrouble` hears what could not be looked at: that of one push
 * does not keep the others from being found.
 */
export async function findSilent(
  deps: FindDeps,
  level: Level,
  {
    signal,
    onTrouble,
  }: { readonly signal: AbortSignal; readonly onTrouble: (id: string, error: unknown) => void },
): Promise<readonly Silent[]> {
  const look: Look = { ...deps, found: [], ends: new Map(), asked: new Set() };
  const seen = new Set<string>();
  const lookAt = async (pushId: string, isOpen: () => Promise<boolean>): Promise<void> => {
    signal.throwIfAborted();
    if (seen.has(pushId)) return;
    seen.add(pushId);
    try {
      if (await isOpen()) await lookAtPush(look, pushId);
    } catch (error) {
      signal.throwIfAborted();
      onTrouble(pushId, error);
    }
  };
  for await (const pushId of deps.store.pushes.open(level)) await lookAt(pushId, () => Promise.resolve(true));
  for (const pushId of await endedPushes(deps.client, level))
    await lookAt(pushId, async () => !(await deps.store.pushes.find(pushId)));
  return look.found;
}

/** Pushes that were ended before anything of them stood in the store. What whoever may start workflows calls a push need not be one. */
async function endedPushes(client: Client, level: Level): Promise<readonly string[]> {
  const since = new Date(Date.now() - LOOK_BACK_MS).toISOString();
  const queue = queueName('control', level);
  const ids = await listIds(
    client,
    `WorkflowType = 'push' AND TaskQueue = '${queue}' AND ExecutionStatus IN ('Terminated', 'TimedOut', 'Failed') AND CloseTime > '${since}'`,
  );
  return [...ids].filter((id) => {
    const parsed = parseId(id);
    return parsed?.kind === 'push' && parsed.level === level;
  });
}

async function lookAtPush(look: Look, pushId: string): Promise<void> {
  const { client, store, found } = look;
  if (await findEnd(client, pushId)) {
    // Read before its end counts: what is written after it is found out when it is settled.
    const before = await store.pushes.findStatus(pushId);
    const end = await findEnd(client, pushId);
    if (end) found.push({ kind: 'push', id: pushId, end, before });
    return;
  }
  const work = await askOpenWork(client, pushId);
  found.push(...(await findSilentTasks(client, work)));
  await findSilentImages(look, pushId, work);
}

/** What a running push or image waits for. */
function askOpenWork(client: Client, workflowId: string): Promise<OpenWork> {
  return client.workflow.getHandle(workflowId).query<OpenWork>('openWork');
}

async function findSilentTasks(client: Client, work: OpenWork): Promise<readonly Silent[]> {
  if (work.tasks.length === 0) return [];
  const running = await runningTasks(client, work.pushId);
  const found: Silent[] = [];
  for (const label of work.tasks) {
    const id = taskIdIn(work.pushId, label);
    // The list may lag behind; what it lacks is looked at itself.
    const end = running.has(id) ? undefined : await findEnd(client, id);
    if (end) found.push({ kind: 'task', id, end, label, work });
  }
  return found;
}

/** Ids of the tasks of a push that run, whatever the push knows of them. */
export function runningTasks(client: Client, pushId: string): Promise<ReadonlySet<string>> {
  const prefix = taskIdIn(pushId, '');
  return listIds(client, `WorkflowId STARTS_WITH '${prefix}' AND ExecutionStatus = 'Running'`);
}

/** Images wait for their parents, so the chain is followed up; once, since it is the same for all who wait for its lower end. */
async function findSilentImages(look: Look, requester: string, work: OpenWork): Promise<void> {
  const { client, found, asked } = look;
  for (const { taskId: id, name } of work.images) {
    if (levelOf(id) !== levelOf(work.pushId)) continue;
    const end = await endOfImage(look, id);
    if (end) found.push({ kind: 'image', id, end, name, work, requester });
    if (end || asked.has(id)) continue;
    asked.add(id);
    await findSilentImages(look, id, await askOpenWork(client, id));
  }
}

async function endOfImage({ client, ends }: Look, id: string): Promise<WorkflowEnd | undefined> {
  if (!ends.has(id)) ends.set(id, await findEnd(client, id));
  return ends.get(id);
}
