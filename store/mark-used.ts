import type { z } from 'zod';
import { isSlipwayError } from '../model/errors.ts';
import { readUsable, writeJson } from './json-object.ts';
import type { ObjectStore } from './object-store.ts';

/** What is used is marked so at most this often, which is little against every life. */
const USED_EVERY_MS = 24 * 60 * 60_000;

/** Something of the index, which lives as long as it is used. */
export interface Aging {
  readonly created?: string;
  readonly resolved?: string;
  readonly used?: string | undefined;
  readonly retired?: string | undefined;
}

/**
 * Says that something was used, at most once a day, unless somebody has written it meanwhile or its life is over. What does not
 * say since when it is there is marked the first time.
 */
export async function markUsed<T extends Aging>(
  objects: ObjectStore,
  key: string,
  { schema, now }: { readonly schema: z.ZodType<T>; readonly now: () => Date },
): Promise<void> {
  const present = await readUsable(objects, key, schema);
  if (!present || present.value.retired !== undefined) return;
  const { used, created, resolved } = present.value;
  const usedMs = Date.parse(used ?? created ?? resolved ?? '');
  if (now().getTime() - usedMs < USED_EVERY_MS) return;
  try {
    const value = { ...present.value, used: now().toISOString() };
    await writeJson(objects, key, schema.parse(value), { onlyIf: { etag: present.etag } });
  } catch (error) {
    if (!(isSlipwayError(error) && error.type === 'WriteConflict')) throw error;
  }
}
