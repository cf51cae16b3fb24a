import type { StoredImage } from '../schema/plan.ts';

/**
 * An image in the store as pushes hand it on. Its layers may be left out, since they are in its config too: a plan's answer and
 * what a push carries on have hundreds of images, which come to more than a payload may have with all their layers.
 */
export type ImageDigests = Omit<StoredImage, 'diffIds'> & Partial<Pick<StoredImage, 'diffIds'>>;

/** The same without its layers. */
export function withoutLayers({ manifestDigest, configDigest, sizeBytes }: ImageDigests): ImageDigests {
  return { manifestDigest, configDigest, sizeBytes };
}

/** What tells of an image, without the layers of that. */
export function withBareDigests<Told extends { readonly stored?: ImageDigests }>(told: Told): Told {
  return told.stored ? { ...told, stored: withoutLayers(told.stored) } : told;
}
