import { z } from 'zod';
import { isSlipwayError } from '../../model/errors.ts';
import { forEachConcurrently } from '../../model/concurrently.ts';
import { SHARED_DOMAIN } from '../image-index.ts';
import { readUsable, writeJson } from '../json-object.ts';
import { levelPrefix } from '../keys.ts';
import type { ObjectInfo, ObjectStore } from '../object-store.ts';
import type { ExpireOptions } from './expire.ts';

const agingSchema = z.looseObject({
  created: z.string().optional(),
  resolved: z.string().optional(),
  used: z.string().optional(),
  retired: z.string().optional(),
  taskId: z.string().optional(),
});

/**
 * Images, bases, routes and cache mounts that no push has used for a life are first retired, so that the next push that wants one makes it anew, and
 * removed a grace time later: whoever found one just before has had the time to write down that it uses it. Gives the ids of the
 * tasks that routes lead to which stay.
 */
export async function expireIndex(
  objects: ObjectStore,
  options: ExpireOptions,
): Promise<ReadonlySet<string>> {
  const { level, signal, oldBefore, nowMs, lifeMs, tally } = options;
  const prefix = levelPrefix(level, 'index');
  const routed = new Set<string>();
  await forEachConcurrently(objects.list(prefix, { signal }), async (info) => {
    const [domain = '', part] = info.key.slice(prefix.length).split('/');
    const kind = part === 'bases' ? 'bases' : part === 'mounts' ? 'cache mounts' : 'images';
    // Those of the stack are everybody's.
    if (domain === SHARED_DOMAIN) return tally.keep(kind, info.sizeBytes);
    const present = await readUsable(objects, info.key, agingSchema);
    const { used, created, resolved, retired, taskId } = present?.value ?? {};
    const isOver = retired !== undefined && info.lastModified < oldBefore;
    if (part === 'routes' && taskId !== undefined && !isOver) routed.add(taskId);
    if (present && retired === undefined) {
      const lived = Date.parse(used ?? created ?? resolved ?? '') || info.lastModified.getTime();
      if (lived + lifeMs >= nowMs) return tally.keep(kind, info.sizeBytes);
      const value = { ...present.value, retired: new Date(nowMs).toISOString() };
      await retire(objects, info.key, { value, etag: present.etag });
      return tally.keep(kind, info.sizeBytes, 'retired: not used for its life; freed after the grace time');
    }
    if (info.lastModified >= oldBefore) return tally.keep(kind, info.sizeBytes, 'retired lately');
    await free(objects, { info, etag: present?.etag ?? info.etag, kind }, options);
  });
  return routed;
}

/** Hints are made again by the next build that has the layer. */
export async function expireLayers(objects: ObjectStore, options: ExpireOptions): Promise<void> {
  const { level, signal, nowMs, lifeMs, tally } = options;
  await forEachConcurrently(objects.list(levelPrefix(level, 'layers'), { signal }), async (info) => {
    if (info.lastModified.getTime() + lifeMs >= nowMs) return tally.keep('layers', info.sizeBytes);
    await free(objects, { info, etag: info.etag, kind: 'layers' }, options);
  });
}

async function retire(
  objects: ObjectStore,
  key: string,
  { value, etag }: { readonly value: unknown; readonly etag: string },
): Promise<void> {
  try {
    await writeJson(objects, key, value, { onlyIf: { etag } });
  } catch (error) {
    // Used or built anew at this moment.
    if (!(isSlipwayError(error) && error.type === 'WriteConflict')) throw error;
  }
}

async function free(
  objects: ObjectStore,
  {
    info,
    etag,
    kind,
  }: {
    readonly info: ObjectInfo;
    readonly etag: string;
    readonly kind: 'images' | 'bases' | 'cache mounts' | 'layers';
  },
  { tally, signal }: ExpireOptions,
): Promise<void> {
  if (await objects.deleteIf(info.key, etag, signal))
    tally.free(kind, info.sizeBytes, 'not used for its life');
  else tally.keep(kind, info.sizeBytes);
}
