/** A registry's final answers. Engines hand its trouble on as 500. */
const FINAL_STATUSES = [400, 401, 403, 404];
/** What engines hand on as 500 all the same, or in a stream: there is only the registry's error code, or its status, in words. */
const REFUSED =
  /\bunauthorized\b|\b403 forbidden\b|(?<!permission )\bdenied\b|no basic auth credentials|\b(?:manifest|name) unknown\b/i;
/** A mistyped name of a registry. A name server that is away is told in other words. */
const NO_HOST = /\bno such host\b/i;
/** In the stream of a pull that had begun there is no status at all. */
const NONE = /not found|no matching manifest/i;
/** Whatever else is said: it may be another answer next time. */
const TROUBLE = /toomanyrequests|too many requests|\b(?:429|5\d\d) [a-z]/i;

/**
 * Whether what an engine has of a registry stays so, however often it is asked: there is no such image, or not for us, or that is
 * no name of one. All else is trouble that may pass.
 */
export function isFinalAnswer(statusCode: number | undefined, words: string): boolean {
  if (TROUBLE.test(words)) return false;
  if (REFUSED.test(words) || NO_HOST.test(words)) return true;
  return statusCode === undefined ? NONE.test(words) : FINAL_STATUSES.includes(statusCode);
}
