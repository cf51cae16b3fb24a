import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { BlobStat } from '../model/blob-store.ts';
import { BlobNotFound, DigestMismatch, isSlipwayError, StoreUnavailable } from '../model/errors.ts';
import type { Digest } from '../model/pure/ids.ts';
import { DIGEST_PATTERN } from '../model/pure/ids.ts';
import type { Lifetimes } from './blob-claims.ts';
import { createBlobClaims } from './blob-claims.ts';
import { checkSize } from './body-parts.ts';
import { checkDigest } from './check-digest.ts';
import { blobKey } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import type { Blobs } from './store.ts';
import { isRefused } from './s3-errors.ts';
import { putStaged } from './staged-upload.ts';

/**
 * Blobs under `blobs/sha256/`, each written once. One of another size than its bytes have is damaged, whoever can see it: it is
 * written over, only if it is still the same.
 *
 * `write` answers `present` without touching the body: whoever owns it drains or destroys it. When a write fails, or was `raced`, the body is destroyed.
 * `read` checks the digest of a whole blob and holds its last bytes back until it is right.
 */
export function createBlobStore(objects: ObjectStore, lifetimes: Lifetimes = {}): Blobs {
  const claims = createBlobClaims(objects, lifetimes);

  async function stat(digest: Digest, signal?: AbortSignal): Promise<BlobStat | undefined> {
    if (!DIGEST_PATTERN.test(digest)) return undefined;
    const info = await objects.head(blobKey(digest), signal);
    return info && { digest, sizeBytes: info.sizeBytes };
  }

  async function claim(digest: Digest, signal?: AbortSignal): Promise<BlobStat | undefined> {
    if (!DIGEST_PATTERN.test(digest)) return undefined;
    const info = await claims.claim(digest, signal);
    return info && { digest, sizeBytes: info.sizeBytes };
  }

  async function expectStays(digest: Digest, signal: AbortSignal | undefined): Promise<void> {
    if (await claims.stays(digest, signal)) return;
    throw new StoreUnavailable(
      'PutObject',
      objects.bucket,
      blobKey(digest),
      'it was collected while it was written',
    );
  }

  return {
    stat,
    claim,

    async read(digest, options = {}) {
      if (!DIGEST_PATTERN.test(digest)) throw new BlobNotFound(digest);
      const body = await objects.stream(blobKey(digest), options);
      if (!body) throw new BlobNotFound(digest);
      return options.start ? body : checkDigest(body, digest);
    },

    async write(digest, sizeBytes, body, signal) {
      if (!DIGEST_PATTERN.test(digest)) throw new DigestMismatch('Blob', 'a sha256 digest', digest);
      const found = await claims.claim(digest, signal);
      if (found?.sizeBytes === sizeBytes) return 'present';
      const onlyIf = found ? { etag: found.etag } : 'absent';
      const options = { onlyIf, sha256: digest.slice('sha256:'.length), signal } as const;
      try {
        if (Buffer.isBuffer(body)) await putBytes(objects, digest, { ...options, body, sizeBytes });
        else await objects.putStream(blobKey(digest), body as Readable, { ...options, sizeBytes });
      } catch (error) {
        if (!isSlipwayError(error) || error.type !== 'WriteConflict') throw error;
        // What was in memory was hashed before it was sent.
        return Buffer.isBuffer(body) ? 'present' : 'raced';
      }
      await expectStays(digest, signal);
      return 'written';
    },

    async writeUnknown(body, { expected, signal } = {}) {
      let outcome: 'written' | 'present' = 'written';
      const place = async (hashed: { sha256: string; sizeBytes: number }) => {
        const digest: Digest = `sha256:${hashed.sha256}`;
        const wanted = await expected?.();
        if (wanted !== undefined && wanted !== digest) throw new DigestMismatch('Blob', wanted, digest);
        if ((await claim(digest, signal))?.sizeBytes !== hashed.sizeBytes) return { key: blobKey(digest) };
        outcome = 'present';
        return undefined;
      };
      const { sha256, sizeBytes } = await putStaged(objects, body, { place, signal });
      const digest: Digest = `sha256:${sha256}`;
      if (outcome === 'written') await expectStays(digest, signal);
      return { digest, sizeBytes, outcome };
    },

    async examine(digest, signal) {
      const options = signal ? { signal } : {};
      const key = blobKey(digest);
      // Before the bytes: what is written meanwhile is not what is judged here.
      const found = await objects.head(key, signal);
      const body = found && (await objects.stream(key, options));
      if (!body) return 'missing';
      const hash = createHash('sha256');
      for await (const chunk of body as AsyncIterable<Buffer>) hash.update(chunk);
      if (`sha256:${hash.digest('hex')}` === digest) return 'whole';
      return discard(objects, { key, etag: found.etag, signal });
    },
  };
}

/**
 * Takes the bytes of a damaged blob away: an empty one is plain to see for everybody, and is written over like any other of
 * a wrong size. Only of the very one that was read, which a deletion could not promise; one that was written meanwhile was
 * checked by the store.
 */
async function discard(
  objects: ObjectStore,
  {
    key,
    etag,
    signal,
  }: { readonly key: string; readonly etag: string; readonly signal?: AbortSignal | undefined },
): Promise<'removed' | 'whole' | 'kept'> {
  try {
    await objects.put(key, Buffer.alloc(0), { onlyIf: { etag }, ...(signal ? { signal } : {}) });
    return 'removed';
  } catch (error) {
    if (isRefused(error)) return 'kept';
    if (isSlipwayError(error) && error.type === 'WriteConflict') return 'whole';
    throw error;
  }
}

async function putBytes(
  objects: ObjectStore,
  digest: Digest,
  options: {
    readonly body: Buffer;
    readonly sizeBytes: number;
    readonly onlyIf: 'absent' | { readonly etag: string };
    readonly sha256: string;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<void> {
  const { body, sizeBytes, ...put } = options;
  checkSize(digest, body.length, sizeBytes);
  const got: Digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  if (got !== digest) throw new DigestMismatch('Blob', digest, got);
  await objects.put(blobKey(digest), body, put);
}
