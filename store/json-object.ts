import type { z } from 'zod';
import { InternalError, isSlipwayError } from '../model/errors.ts';
import type { Json } from '../model/pure/canonical-json.ts';
import { canonicalJson } from '../model/pure/canonical-json.ts';
import type { ObjectStore, PutOptions } from './object-store.ts';

/** How often a record is read and changed again when another writer was first. */
const CHANGE_TRIES = 20;

/**
 * Reads a record, or gives undefined when there is none.
 *
 * @throws {InternalError} when it is not what the schema says.
 */
export async function readJson<T>(
  objects: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
): Promise<{ readonly value: T; readonly etag: string } | undefined> {
  const object = await objects.get(key);
  if (!object) return undefined;
  try {
    return { value: schema.parse(JSON.parse(object.body.toString('utf8'))), etag: object.info.etag };
  } catch (cause) {
    throw new InternalError(`Record ${key} in the store is damaged: ${(cause as Error).message}`, { cause });
  }
}

/** Writes a record as canonical JSON. @throws {WriteConflict} when `onlyIf` does not hold. */
export async function writeJson(
  objects: ObjectStore,
  key: string,
  value: unknown,
  options: Pick<PutOptions, 'onlyIf'> = {},
): Promise<void> {
  const body = Buffer.from(canonicalJson(value as Json), 'utf8');
  await objects.put(key, body, { ...options, contentType: 'application/json' });
}

/** Creates a record, or gives the one that is there already. */
export async function createJson<T>(
  objects: ObjectStore,
  key: string,
  record: { readonly schema: z.ZodType<T>; readonly value: T },
): Promise<T> {
  return changeJson(objects, key, { schema: record.schema, change: (present) => present ?? record.value });
}

/** Reads, changes and writes a record so that no other writer's change is lost; gives what counts in the end. */
export async function changeJson<T>(
  objects: ObjectStore,
  key: string,
  how: { readonly schema: z.ZodType<T>; readonly change: (present: T | undefined) => T },
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const present = await readJson(objects, key, how.schema);
    const value = how.change(present?.value);
    if (present && value === present.value) return value;
    try {
      await writeJson(objects, key, value, { onlyIf: present ? { etag: present.etag } : 'absent' });
      return value;
    } catch (error) {
      if (tries >= CHANGE_TRIES || !(isSlipwayError(error) && error.type === 'WriteConflict')) throw error;
    }
  }
}
