import { forEachConcurrently, mapConcurrently } from '../../model/concurrently.ts';
import { levelPrefix } from '../keys.ts';
import type { ObjectInfo, ObjectStore } from '../object-store.ts';
import { dayKey, listByDay } from '../pushes-by-day.ts';
import { pushId } from '../../model/pure/ids.ts';
import { byDirectory, newestMs } from './by-directory.ts';
import type { ExpireOptions } from './expire.ts';
import { findPushEnd, isOpen } from './push-end.ts';

/** A push is kept as long as one of its tasks. */
export async function expirePushes(objects: ObjectStore, options: ExpireOptions): Promise<void> {
  const { level, signal, nowMs, lifeMs, tally } = options;
  const prefix = levelPrefix(level, 'pushes');
  const pushes = byDirectory(objects.list(prefix, { signal }), { prefix, segments: 2 });
  await forEachConcurrently(pushes, async ({ directory, infos }) => {
    const keep = (): void => infos.forEach(({ sizeBytes }) => tally.keep('pushes', sizeBytes));
    // Its verdict is the last that is written, so a young one need not be read.
    if (newestMs(infos) + lifeMs >= nowMs) return keep();
    const end = await findPushEnd(objects, directory, options);
    const tasks = `${levelPrefix(level, 'tasks')}task/${directory.slice(prefix.length)}`;
    if (!end.isOver || (await isAnyThere(objects, tasks, signal))) keep();
    else if (await remove(objects, { directory, infos, received: end.received }, options))
      infos.forEach(({ sizeBytes }) => tally.free('pushes', sizeBytes, 'its life is over'));
    else keep();
  });
}

/**
 * First its entries in the list by day: without its records nobody would know them. Then what whoever begins a new round looks
 * for: they mark the push as open before they read it. So either the mark is seen here, and all that is put back, or they find
 * none and write it anew. Last the record that says how old it is.
 */
async function remove(
  objects: ObjectStore,
  push: {
    readonly directory: string;
    readonly infos: readonly ObjectInfo[];
    readonly received: readonly string[];
  },
  options: ExpireOptions,
): Promise<boolean> {
  const { signal, level } = options;
  const { directory, infos } = push;
  const [project = '', name = ''] = directory.split('/').slice(2);
  const [revision = '', variant] = name.split('~');
  const id = pushId({ project, level, revision, variant });
  const listed = push.received.map((received) => ({ pushId: id, received }));
  await objects.delete(listed.map(dayKey), signal);
  const pushKey = `${directory}push.json`;
  const record = await objects.get(pushKey, signal);
  if (record) {
    await objects.deleteIf(pushKey, record.info.etag, signal);
    if (await isOpen(objects, directory, options)) {
      await objects
        .put(pushKey, record.body, { onlyIf: 'absent', contentType: 'application/json' })
        .catch(() => undefined);
      await mapConcurrently(listed, (entry) => listByDay(objects, entry));
      return false;
    }
  }
  const rest = infos.filter(({ key }) => key !== pushKey);
  const last = `${directory}status.json`;
  await mapConcurrently(
    rest.filter(({ key }) => key !== last),
    ({ key, etag }) => objects.deleteIf(key, etag, signal),
  );
  for (const { key, etag } of rest) if (key === last) await objects.deleteIf(key, etag, signal);
  return true;
}

async function isAnyThere(objects: ObjectStore, prefix: string, signal: AbortSignal): Promise<boolean> {
  for await (const _ of objects.list(prefix, { signal })) return true;
  return false;
}
