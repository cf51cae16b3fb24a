import { mapConcurrently } from '../model/concurrently.ts';
import { isSlipwayError } from '../model/errors.ts';
import { LEVELS } from '../model/pure/ids.ts';
import { isResolved } from '../model/pure/states.ts';
import type { PushDocument } from '../model/schema/records.ts';
import { readPush } from '../steps/read-push.ts';
import type { Store } from '../store/store.ts';
import { DamagedRecord, isUnreadable } from '../store/json-object.ts';
import type { ListedPush, UnreadPush } from './api.ts';

interface Wanted {
  readonly limit: number;
  readonly project?: string;
}

/** Pushes by what stands in their own records, newest first: one or two are read of each, however many tasks it has. */
export function listPushes(store: Store, wanted: Wanted): Promise<readonly (ListedPush | UnreadPush)[]> {
  return readEach(store, wanted, (pushId) => findListed(store, pushId));
}

/** The documents of pushes as they stand now, newest first. */
export function listDocuments(store: Store, wanted: Wanted): Promise<readonly (PushDocument | UnreadPush)[]> {
  return readEach(store, wanted, (pushId) => readPush(store, pushId).catch(unlessGone));
}

async function readEach<T>(
  store: Store,
  { limit, project }: Wanted,
  read: (pushId: string) => Promise<T | undefined>,
): Promise<readonly (T | UnreadPush)[]> {
  const listed = await store.pushes.list({ levels: LEVELS, limit, ...(project ? { project } : {}) });
  // The newest entry of each.
  const received = new Map(listed.toReversed().map((entry) => [entry.pushId, entry.received]));
  const found = await mapConcurrently(new Set(listed.map(({ pushId }) => pushId)), (id) =>
    read(id).catch((error: unknown): UnreadPush => {
      if (!isUnreadable(error)) throw error;
      const { message } = error;
      const told = error instanceof DamagedRecord ? { damaged: message } : { newer: message };
      return { id, received: received.get(id) ?? '', ...told };
    }),
  );
  return found.filter((one) => one !== undefined);
}

async function findListed({ pushes }: Store, pushId: string): Promise<ListedPush | undefined> {
  const status = await pushes.findStatus(pushId);
  if (!status) {
    // It is not planned yet.
    const record = await pushes.find(pushId);
    return record && listed({ ...record, id: pushId, ref: record.refs.at(-1) ?? '', state: 'running' }, []);
  }
  return listed(status, status.tasks);
}

function listed(
  { id, ref, pushedBy, state, reason, received, resolved }: Omit<ListedPush, 'tasks' | 'completed'>,
  tasks: PushDocument['tasks'],
): ListedPush {
  return {
    ...{ id, ref, state, received },
    ...(pushedBy === undefined ? {} : { pushedBy }),
    ...(reason ? { reason } : {}),
    ...(resolved ? { resolved } : {}),
    tasks: tasks.length,
    ...(isResolved(state) ? { completed: tasks.filter((task) => task.state === 'completed').length } : {}),
  };
}

/** It may have been collected since it was listed. */
function unlessGone(error: unknown): undefined {
  if (!isSlipwayError(error) || error.type !== 'NotFound') throw error;
}
