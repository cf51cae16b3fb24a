import { EngineRequestFailed, ImageUnavailable, isSlipwayError } from '../../model/errors.ts';
import type { Operation } from '../engine-errors.ts';
import { asEngineError, detailOf, statusCodeOf } from '../engine-errors.ts';
import type { RegistryLogin } from '../registry/registry-login.ts';

/** A registry's final answers. Engines hand its trouble on as 500. */
const FINAL_STATUSES = [400, 401, 403, 404];
/** What engines hand on as 500 all the same, or in a stream: there is only the registry's error code, or its status, in words. */
const REFUSED = /\bunauthorized\b|\b403 forbidden\b|(?<!permission )\bdenied\b|no basic auth credentials/i;
const UNKNOWN = /\b(?:manifest|name) unknown\b/i;
/**
 * A mistyped name of a registry (a name server that is away is told in other words), or one that the engine does not trust: it stays so
 * until somebody changes the engine's settings.
 */
const NO_REGISTRY = /\bno such host\b|\bx509: |server gave HTTP response to HTTPS client/i;
/** In the stream of a pull that had begun there is no status at all. */
const NONE = /not found|no matching manifest/i;
/** Whatever else is said: it may be another answer next time. A tag may end in such a number, too. */
const TROUBLE = /[Tt]oo ?[Mm]any ?[Rr]equests|(?<![\w:.-])(?:429|5\d\d) [A-Z]/;

/**
 * Whether what an engine has of a registry stays so, however often it is asked: there is no such image, or not for us, or that is
 * no name of one. All else is trouble that may pass.
 */
export function isFinalAnswer(statusCode: number | undefined, words: string): boolean {
  if (TROUBLE.test(words)) return false;
  if ([REFUSED, UNKNOWN, NO_REGISTRY].some((final) => final.test(words))) return true;
  return statusCode === undefined ? NONE.test(words) : FINAL_STATUSES.includes(statusCode);
}

/** Whether a final answer is that the image is not for whoever asked so. */
function isRefusal(statusCode: number | undefined, words: string): boolean {
  return statusCode === 401 || statusCode === 403 || REFUSED.test(words);
}

/**
 * What was thrown when an engine asked a registry: final answers are {@link ImageUnavailable}, with what to do when it is a refusal;
 * trouble may be tried again.
 */
export function asRegistryError(
  thrown: unknown,
  {
    reference,
    login,
    ...operation
  }: Operation & { readonly reference: string; readonly login: Pick<RegistryLogin, 'advice' | 'clean'> },
): unknown {
  if (operation.signal?.aborted || isSlipwayError(thrown)) return asEngineError(thrown, operation);
  const error = login.clean(thrown);
  const detail = detailOf(error);
  const statusCode = statusCodeOf(error);
  if (isFinalAnswer(statusCode, detail)) {
    const advice = isRefusal(statusCode, detail) ? `; ${login.advice}` : '';
    return new ImageUnavailable(reference, `${detail}${advice}`, { cause: error });
  }
  const known = asEngineError(error, operation);
  // Whatever its status: that of a refusal would be the end of it.
  return known instanceof EngineRequestFailed
    ? new EngineRequestFailed(operation.doing, undefined, detail, { cause: error })
    : known;
}
