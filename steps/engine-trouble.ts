import { isOutOfSpace } from '../docker/engine-errors.ts';
import type { EngineRequestFailed, ImageBuildFailed } from '../model/errors.ts';
import { isSlipwayError } from '../model/errors.ts';

/** The container is not there (404), or it is just being removed (409). */
const GONE = [404, 409];

/** Whether an engine refused a request because the container, or its network, is not there any more. */
export function isGone(error: unknown): boolean {
  if (!isSlipwayError(error) || error.type !== 'EngineRequestFailed') return false;
  return GONE.includes((error as EngineRequestFailed).statusCode ?? 0);
}

/** Whether an engine does not answer: it may be back in a moment, with the container or without. */
export function isAway(error: unknown): boolean {
  return isSlipwayError(error) && error.type === 'EngineUnavailable';
}

/** Whether an engine has no network free for a container. */
export function isOutOfNetworks(error: unknown): boolean {
  return isSlipwayError(error) && error.type === 'EngineOutOfNetworks';
}

/** Whether something was refused, or failed, because the engine's disk is full. */
export function isFull(error: unknown): boolean {
  if (!isSlipwayError(error)) return false;
  if (error.type === 'ImageBuildFailed') return isOutOfSpace((error as ImageBuildFailed).lastWords);
  return error.type === 'EngineOutOfSpace';
}
