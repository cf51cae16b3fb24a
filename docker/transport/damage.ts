import { ImageDamaged, isSlipwayError } from '../../model/errors.ts';
import { DIGEST_PATTERN } from '../../model/pure/ids.ts';

/**
 * What is wrong with a stored image, when that is why moving it failed: a part that is missing, or whose bytes are not
 * those of its digest. Looks through the causes, since an engine's words stand in front of the store's.
 */
export function findDamage(error: unknown, manifestDigest: string): ImageDamaged | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!isSlipwayError(cause)) continue;
    if (cause.type === 'ImageDamaged') return cause as ImageDamaged;
    const digest = damagedPart(cause, manifestDigest);
    if (digest) return new ImageDamaged(manifestDigest, digest, cause.message, { cause: error });
  }
  return undefined;
}

/** Whether asking the store again would give the same. */
export function isDamage(error: unknown): boolean {
  return findDamage(error, '') !== undefined;
}

function damagedPart(error: Error & { readonly type: string }, manifestDigest: string): string | undefined {
  const facts = error as { readonly digest?: string; readonly expected?: string };
  if (error.type === 'BlobNotFound') return facts.digest;
  if (error.type !== 'DigestMismatch') return undefined;
  return facts.expected && DIGEST_PATTERN.test(facts.expected) ? facts.expected : manifestDigest;
}
