import { UPLOADS_PREFIX } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import type { SweptUploads } from './store.ts';

/** Removes temporary objects and multipart uploads that are older than a moment. */
export async function sweepUploads(
  objects: ObjectStore,
  { olderThan, signal }: { readonly olderThan: Date; readonly signal?: AbortSignal },
): Promise<SweptUploads> {
  const multipartUploads = await objects.abortUploads(olderThan, signal);
  const old: string[] = [];
  for await (const { key, lastModified } of objects.list(UPLOADS_PREFIX, signal ? { signal } : {}))
    if (lastModified < olderThan) old.push(key);
  await objects.delete(old, signal);
  return { objects: old.length, multipartUploads };
}
