import { hostname } from 'node:os';
import { z } from 'zod';
import { InternalError, isSlipwayError, VersionTooOld } from '../model/errors.ts';
import type { Json } from '../model/pure/canonical-json.ts';
import { canonicalJson } from '../model/pure/canonical-json.ts';
import type { ObjectStore, PutOptions } from './object-store.ts';

/** How often a record is read and changed again when another writer was first. */
const CHANGE_TRIES = 20;

/**
 * Reads a record, or gives undefined when there is none.
 *
 * @throws {DamagedRecord} when it is not what the schema says. @throws {VersionTooOld} when that is because a newer version wrote it.
 */
export async function readJson<T>(
  objects: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
): Promise<{ readonly value: T; readonly etag: string } | undefined> {
  let written: unknown;
  try {
    const object = await objects.get(key);
    if (!object) return undefined;
    written = JSON.parse(object.body.toString('utf8'));
    return { value: schema.parse(written), etag: object.info.etag };
  } catch (cause) {
    // What is not one of ours was thrown by the parsers.
    if (isSlipwayError(cause) && cause.type !== 'DigestMismatch') throw cause;
    if (cause instanceof z.ZodError && isOfNewerVersion(written, cause))
      throw new VersionTooOld(hostname(), `record ${key} in the store`, describeDamage(cause), { cause });
    throw new DamagedRecord(key, cause);
  }
}

/**
 * Whether a record says that it is of another version, or has all that this one wants and only values that this one does not know.
 * A record that is cut is no JSON, and what something else wrote lacks most. Older versions' records are all known.
 */
function isOfNewerVersion(written: unknown, { issues }: z.ZodError): boolean {
  const isUnknown = ({ code, path }: z.core.$ZodIssue): boolean =>
    code !== 'invalid_type' && path.length > 0 && valueAt(written, path) !== undefined;
  const isVersion = ({ path }: z.core.$ZodIssue): boolean => path.length === 1 && path[0] === 'version';
  return issues.every(isUnknown) || issues.some((issue) => isVersion(issue) && isUnknown(issue));
}

function valueAt(written: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => Reflect.get(Object(value) as object, key) as unknown, written);
}

/** Reads a record that can be made anew: one that cannot be read is as good as none. */
export async function readUsableJson<T>(
  objects: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  return (await readUsable(objects, key, schema))?.value;
}

/** The same, with the etag that it has. */
export async function readUsable<T>(
  objects: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
): Promise<{ readonly value: T; readonly etag: string } | undefined> {
  return unlessUnreadable(readJson(objects, key, schema));
}

/** What is done with a record, or undefined where that is damaged, or a newer version's. */
export async function unlessUnreadable<T>(doing: Promise<T>): Promise<T | undefined> {
  try {
    return await doing;
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  }
}

/** What is done with a record, or undefined where that is damaged. What a newer version wrote stays an error. */
export async function unlessDamaged<T>(doing: Promise<T>): Promise<T | undefined> {
  try {
    return await doing;
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}

/** Whether it was thrown because a record is there and cannot be read. */
export function isUnreadable(error: unknown): error is DamagedRecord | VersionTooOld {
  return error instanceof DamagedRecord || (isSlipwayError(error) && error.type === 'VersionTooOld');
}

/** Thrown when a record is there and is not what its schema says: cut, emptied or written by something else. */
export class DamagedRecord extends InternalError {
  readonly key: string;
  /** `remedy`: what mends it, for people. */
  constructor(key: string, cause: unknown, remedy?: string) {
    const and = remedy === undefined ? '' : `; ${remedy}`;
    super(`Record ${key} in the store is damaged: ${describeDamage(cause)}${and}`, { cause });
    this.key = key;
  }
}

/** In one line. A schema finds everything that is wrong at once, and the first says enough. */
function describeDamage(cause: unknown): string {
  const [issue] = cause instanceof z.ZodError ? cause.issues : [];
  if (issue) return `${issue.path.join('.') || 'it'}: ${issue.message}`;
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.replaceAll(/\s+/g, ' ');
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
  how: {
    readonly schema: z.ZodType<T>;
    /**
     * May be asked again; to give the present record itself leaves it as it is. What it throws ends the change. `isDamaged`: there is
     * one, which will be written over.
     */
    readonly change: (present: T | undefined, isDamaged: boolean) => T | Promise<T>;
    /** A damaged record is written over, as if there were none; a newer version's is not. Default: it is an error. */
    readonly overDamage?: boolean;
  },
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const { present, isDamaged } = await readPresent(objects, key, how);
    const value = await how.change(present?.value, isDamaged);
    if (present && value === present.value) return value;
    try {
      // Not before there is what takes its place: without it nothing says any more that there was a record.
      if (isDamaged) await objects.delete([key]);
      await writeJson(objects, key, value, { onlyIf: present ? { etag: present.etag } : 'absent' });
      return value;
    } catch (error) {
      if (tries >= CHANGE_TRIES || !(isSlipwayError(error) && error.type === 'WriteConflict')) throw error;
    }
  }
}

async function readPresent<T>(
  objects: ObjectStore,
  key: string,
  { schema, overDamage = false }: { readonly schema: z.ZodType<T>; readonly overDamage?: boolean },
): Promise<{
  readonly present: { readonly value: T; readonly etag: string } | undefined;
  readonly isDamaged: boolean;
}> {
  try {
    return { present: await readJson(objects, key, schema), isDamaged: false };
  } catch (error) {
    if (!overDamage || !(error instanceof DamagedRecord)) throw error;
    return { present: undefined, isDamaged: true };
  }
}
