/** The reference grammar of distribution. */
const REFERENCE =
  /^(?:[A-Za-z0-9.-]+(?::\d+)?\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

const MAX_LENGTH = 600;

/** Whether an engine accepts a text as the name of an image. */
export function isReference(text: string): boolean {
  return text.length <= MAX_LENGTH && REFERENCE.test(text);
}
