import { z } from 'zod';
import type { Level } from '../model/pure/ids.ts';
import { pushId as pushIdOf } from '../model/pure/ids.ts';
import { createJson } from './json-object.ts';
import { openPushesPrefix, openPushKey } from './keys.ts';
import type { ObjectStore } from './object-store.ts';

/** Its key says the same, so that listing need not read it. */
const markSchema = z.object({ pushId: z.string() });

/**
 * `level-<L>/open-pushes/<project>~<revision>[~<variant>]`: one object for each push that has no verdict, so that whoever
 * looks for them need not read the records of a year.
 */
export async function markOpen(objects: ObjectStore, pushId: string): Promise<void> {
  await createJson(objects, openPushKey(pushId), { schema: markSchema, value: { pushId } });
}

/** Safe to repeat. */
export async function unmarkOpen(objects: ObjectStore, pushId: string): Promise<void> {
  await objects.delete([openPushKey(pushId)]);
}

export async function* listOpen(objects: ObjectStore, level: Level): AsyncIterable<string> {
  const prefix = openPushesPrefix(level);
  for await (const { key } of objects.list(prefix)) {
    const [project, revision, variant] = key.slice(prefix.length).split('~');
    if (project && revision) yield pushIdOf({ project, level, revision, variant });
  }
}
