import type { Level } from '../model/pure/ids.ts';
import type { RouteRecord } from '../model/schema/records.ts';
import { routeRecordSchema } from '../model/schema/records.ts';
import type { Lifetimes } from './blob-claims.ts';
import { changeJson, readUsableJson } from './json-object.ts';
import { routeKey } from './keys.ts';
import { markUsed } from './mark-used.ts';
import type { ObjectStore } from './object-store.ts';
import { readableDomains, readablePlaces } from './readable-domains.ts';
import type { Routes } from './store.ts';

/** `level-<L>/index/<domain>/routes/<namespace>`: which task was the last to complete with a route. */
export function createRoutes(
  objects: ObjectStore,
  { now = () => new Date() }: Pick<Lifetimes, 'now'> = {},
): Routes {
  return {
    async find(domain: string, level: Level, namespace: string) {
      for (const [readLevel, readDomain] of readablePlaces(domain, level)) {
        const key = routeKey(readDomain, readLevel, namespace);
        const found = await readUsableJson(objects, key, routeRecordSchema);
        if (found && !found.retired) return found;
      }
      return undefined;
    },

    async record(domain: string, level: Level, route: RouteRecord) {
      await changeJson(objects, routeKey(domain, level, route.namespace), {
        schema: routeRecordSchema,
        // A late repeat must not set a newer push back.
        change: (present) =>
          present && !present.retired && present.plannedAt > route.plannedAt ? present : route,
        overDamage: true,
      });
    },

    async use(domain: string, level: Level, namespace: string) {
      for (const own of readableDomains(domain))
        await markUsed(objects, routeKey(own, level, namespace), { schema: routeRecordSchema, now });
    },
  };
}
