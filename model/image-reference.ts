/** The reference grammar of distribution. */
const REFERENCE =
  /^(?:[A-Za-z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

const MAX_LENGTH = 600;

/** The name of an image as it is for everybody: tools write it in full or not, with the tag or alone. */
export function plainName(name: string): string {
  const path = name.replace(/^(docker\.io|localhost)\//, '').replace(/^library\//, '');
  return /:[^/]*$/.test(path) ? path : `${path}:latest`;
}

/** Whether an engine accepts a text as the name of an image. */
export function isReference(text: string): boolean {
  return text.length <= MAX_LENGTH && REFERENCE.test(text);
}
