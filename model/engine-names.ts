/** Names below a host that does not exist, so that no engine ever asks for one outside: whatever has one was put there by Slipway. */
export const OWN_HOST = 'slipway.invalid';

/** Where images have their own names in an engine. */
export const OWN_REPOSITORY = `${OWN_HOST}/image`;

/** The name that an image has in an engine; the tag is its hash, or what stands in for one. */
export function ownReference(tag: string): string {
  return `${OWN_REPOSITORY}:${tag}`;
}
