import { createHash } from 'node:crypto';
import { canonicalJson } from '../model/pure/canonical-json.ts';
import type { ImageInputs } from '../model/schema/plan.ts';

/** Of entries that do not say theirs. */
export const FIRST_RECIPE = 1;

/** Raised only when the same inputs would give other bytes than before. */
export const RECIPE: number = 1;

/** Name of an image's content: sha-256, in hex, of the canonical JSON of everything that decides its bytes. */
export function computeImageHash(inputs: ImageInputs): string {
  const { contextHash, args, platform, parent, bases } = inputs;
  const text = canonicalJson({ recipe: RECIPE, contextHash, args, platform, parent, bases });
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
