import { isReference } from './image-reference.ts';

/** Names below a host that does not exist, so that no engine ever asks for one outside: whatever has one was put there by Slipway. */
export const OWN_HOST = 'slipway.invalid';

/** Whether a name in an engine is one that only Slipway gives: of whichever trust domain, so that nobody may ask for it. */
export function isOwnName(name: string): boolean {
  return name.startsWith(`${OWN_HOST}/`);
}

/** Where images have their own names in an engine. */
export const OWN_REPOSITORY = `${OWN_HOST}/image`;

/** The name that an image has in an engine; the tag is its hash, or what stands in for one. */
export function ownReference(tag: string): string {
  return `${OWN_REPOSITORY}:${tag}`;
}

/**
 * The name that the tarball of an image of a tree carries, which every engine takes. Not each name that an image may have in a tree is
 * a part of one: `lint-` is none, and goes by the image's own name in an engine.
 */
export function nameInTarball({
  name,
  imageHash,
}: {
  readonly name: string;
  readonly imageHash: string;
}): string {
  const reference = `${OWN_HOST}/${name}:${imageHash}`;
  return isReference(reference) ? reference : ownReference(imageHash);
}
