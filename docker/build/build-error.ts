import {
  BaseUnavailable,
  EngineOutOfSpace,
  EngineRequestFailed,
  EngineUnavailable,
  ImageBuildFailed,
} from '../../model/errors.ts';
import { isOutOfSpace } from '../engine-errors.ts';
import { instructionOf, isCancel } from './build-log.ts';
import type { BuildLog } from './build-log.ts';

/** Vertices by which BuildKit looks an image up: of a `FROM`, of a `COPY --from`, of a `# syntax=` line. */
const LOOKUP =
  /^(?:\[internal\] load metadata for|FROM|resolve image config for) (?:docker-image:\/\/)?(\S+)$/;

/** A `RUN` that never began, since the engine could not give it its network. */
const NO_NETWORK = /failed to create endpoint|failed to set up container networking/;

/** What BuildKit's final error means. It has no codes, so the failed vertex tells and, for the exit code, the text. */
export function buildError({
  imageName,
  message,
  log,
  shown = (text) => text,
  address,
}: {
  readonly imageName: string;
  readonly message: string;
  readonly log: BuildLog;
  /** Gives names of images as people know them. */
  readonly shown?: (text: string) => string;
  readonly address: string;
}): Error {
  const { failed } = log;
  const exitCode = exitCodeOf(failed?.error ?? message);
  // A command's own words about a full disk are its author's business: the engine's come without an exit code.
  if (exitCode === undefined && isOutOfSpace(message))
    return new EngineOutOfSpace(`Docker Engine at ${address}: build of image "${imageName}": ${message}`);
  if (exitCode === undefined && NO_NETWORK.test(message))
    return new EngineRequestFailed(`build of image "${imageName}"`, 500, message);
  // We did not cancel (the caller looks at its signal first), so the engine is shutting down.
  if (!failed && isCancel(message))
    return new EngineUnavailable(address, `build of image "${imageName}": ${message}`);
  const name = shown(failed?.name ?? '');
  const reference = LOOKUP.exec(name)?.[1];
  if (reference) return new BaseUnavailable(reference, `it is not in the engine, and ${message}`);
  const step = failed && instructionOf(name);
  return new ImageBuildFailed(imageName, { step, exitCode, lastLines: failed?.lastLines ?? [] }, message);
}

function exitCodeOf(error: string): number | undefined {
  const digits = /exit code: (\d+)\s*$/.exec(error)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
