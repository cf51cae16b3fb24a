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
