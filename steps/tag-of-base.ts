/** The tag of a base in engines, below Slipway's own name. */
export function tagOfBase(manifestDigest: string): string {
  return `base-${manifestDigest.slice('sha256:'.length)}`;
}
