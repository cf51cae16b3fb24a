import { createHash, randomUUID } from 'node:crypto';
import { Readable, addAbortSignal } from 'node:stream';
import { DigestMismatch } from '../model/errors.ts';
import type { OpenedBody } from './body-parts.ts';
import { openBody, wholeBody } from './body-parts.ts';
import { uploadKey } from './keys.ts';
import type { ObjectStore } from './object-store.ts';

/** Bodies up to this size are held in memory and put once, to where they belong. */
const SMALL_BODY_BYTES = 8 * 1024 ** 2;

export interface Hashed {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface Place {
  readonly key: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Stores bytes whose key or metadata depend on their digest, with flat memory. `place` is called when the whole body has been read;
 * undefined means that the bytes are not wanted. Large bodies go to a temporary key first and are moved inside the store.
 */
export async function putStaged(
  objects: ObjectStore,
  body: Readable,
  options: {
    readonly place: (hashed: Hashed) => Promise<Place | undefined>;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Hashed> {
  const { signal } = options;
  if (signal) addAbortSignal(signal, body);
  try {
    const opened = await openBody(body, SMALL_BODY_BYTES);
    return await (opened.rest ? putLarge : putSmall)(objects, opened, options);
  } catch (error) {
    body.destroy();
    signal?.throwIfAborted();
    throw error;
  }
}

type StageOptions = Parameters<typeof putStaged>[2];

async function putSmall(objects: ObjectStore, opened: OpenedBody, options: StageOptions): Promise<Hashed> {
  const { place, signal } = options;
  const bytes = Buffer.concat(opened.head);
  const hashed = { sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length };
  const placed = await place(hashed);
  if (placed) await objects.put(placed.key, bytes, { ...placed, sha256: hashed.sha256, signal });
  return hashed;
}

async function putLarge(objects: ObjectStore, opened: OpenedBody, options: StageOptions): Promise<Hashed> {
  const { place, signal } = options;
  const temporary = uploadKey(randomUUID());
  try {
    const whole = Readable.from(wholeBody(opened), { objectMode: false });
    const hashed = await objects.putStream(temporary, whole, { signal });
    const placed = await place(hashed);
    if (placed) await move(objects, temporary, { ...placed, hashed, signal });
    return hashed;
  } finally {
    // What this misses is swept by age.
    await objects.delete([temporary]).catch(() => undefined);
  }
}

async function move(
  objects: ObjectStore,
  temporary: string,
  to: Place & { readonly hashed: Hashed; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { key, hashed, signal } = to;
  await objects.copy(temporary, key, to);
  const copied = await objects.head(key, signal);
  if (copied?.sizeBytes === hashed.sizeBytes && (copied.sha256 ?? hashed.sha256) === hashed.sha256) return;
  await objects.delete([key], signal);
  throw new DigestMismatch(key, hashed.sha256, copied?.sha256 ?? 'another size');
}
