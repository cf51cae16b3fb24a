import type { PlannedImage } from '../model/schema/plan.ts';
import { whyInShort } from './why-words.ts';

/**
 * Marks the images of a plan that nobody needs: to be built, wanted by no task and by no rebuild, and with nothing on them that is
 * built. They stay in the plan, since an image on them that turns out to be damaged later is built on them. Parents come first.
 */
export function leaveUnneeded(
  images: readonly PlannedImage[],
  wanted: ReadonlySet<string>,
): readonly PlannedImage[] {
  const needed = new Set(wanted);
  for (const { name, parent, action } of images.toReversed())
    if (parent !== null && action !== 'reuse' && needed.has(name)) needed.add(parent);
  return images.map((image) => (image.action === 'build' && !needed.has(image.name) ? left(image) : image));
}

function left({ force: _force, ...image }: PlannedImage): PlannedImage {
  const explanation = {
    changes: [],
    tried: [],
    ...image.explanation,
    reason: 'not-needed' as const,
    detail: 'no task names it, and what stands on it is known',
    notes: [],
  };
  return { ...image, action: 'not-needed', explanation, why: whyInShort(explanation) };
}
