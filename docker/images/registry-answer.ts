import { EngineRequestFailed, ImageUnavailable, isSlipwayError } from '../../model/errors.ts';
import type { Operation } from '../engine-errors.ts';
import { asEngineError, detailOf, statusCodeOf } from '../engine-errors.ts';

/** A registry's final answers. Engines hand its trouble on as 500. */
const FINAL_STATUSES = [400, 401, 403, 404];
/** What engines hand on as 500 all the same, or in a stream: there is only the registry's error code, or its status, in words. */
const REFUSED =
  /\bunauthorized\b|\b403 forbidden\b|(?<!permission )\bdenied\b|no basic auth credentials|\b(?:manifest|name) unknown\b/i;
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
  if (REFUSED.test(words) || NO_REGISTRY.test(words)) return true;
  return statusCode === undefined ? NONE.test(words) : FINAL_STATUSES.includes(statusCode);
}

/** What was thrown when an engine asked a registry: final answers are {@link ImageUnavailable}, trouble may be tried again. */
export function asRegistryError(
  error: unknown,
  { reference, ...operation }: Operation & { readonly reference: string },
): unknown {
  if (operation.signal?.aborted || isSlipwayError(error)) return asEngineError(error, operation);
  const detail = detailOf(error);
  if (isFinalAnswer(statusCodeOf(error), detail))
    return new ImageUnavailable(reference, detail, { cause: error });
  const known = asEngineError(error, operation);
  // Whatever its status: that of a refusal would be the end of it.
  return known instanceof EngineRequestFailed
    ? new EngineRequestFailed(operation.doing, undefined, detail, { cause: error })
    : known;
}
