import type { Level } from '../model/pure/ids.ts';
import type { RouteRecord } from '../model/schema/records.ts';
import { routeRecordSchema } from '../model/schema/records.ts';
import type { Lifetimes } from './blob-claims.ts';
import { changeJson, readUsableJson } from './json-object.ts';
import { routeKey } from './keys.ts';
import { markUsed } from './mark-used.ts';
import type { ObjectStore } from './object-store.ts';
import { readableDomains, readablePlaces } from './readable-domains.ts';

/** Records of routes by where they are kept, as they were read. */
export type KnownRoutes = Map<string, Promise<RouteRecord | undefined>>;

/** Names under which the newest task that completed with them is found by later pushes. */
export interface Routes {
  /**
   * Looks from level 3 down to `level`, or the other way round with `ownFirst`; one that is retired or damaged counts as none.
   * What is in `known` is not read again, and what is read is added to it.
   */
  find(
    domain: string,
    level: Level,
    namespace: string,
    options?: { readonly ownFirst?: boolean; readonly known?: KnownRoutes },
  ): Promise<RouteRecord | undefined>;
  /** Written only at one's own level; of two pushes, the one that was planned later stays. Safe to repeat. */
  record(domain: string, level: Level, route: RouteRecord): Promise<void>;
  /** Says that a push of this level uses it, which extends its life, and that of what its task left, if it is its level's own. Written at most once a day. */
  use(domain: string, level: Level, namespace: string): Promise<void>;
}

/** `level-<L>/index/<domain>/routes/<namespace>`: which task was the last to complete with a route. */
export function createRoutes(
  objects: ObjectStore,
  { now = () => new Date() }: Pick<Lifetimes, 'now'> = {},
): Routes {
  return {
    async find(
      domain: string,
      level: Level,
      namespace: string,
      { ownFirst = false, known = new Map() as KnownRoutes } = {},
    ) {
      const places = readablePlaces(domain, level);
      const inOrder = ownFirst ? places.toSorted(([one], [other]) => one - other) : places;
      for (const [readLevel, readDomain] of inOrder) {
        const key = routeKey(readDomain, readLevel, namespace);
        const reading = known.get(key) ?? readUsableJson(objects, key, routeRecordSchema);
        known.set(key, reading);
        const found = await reading;
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
