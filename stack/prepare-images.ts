import { ensureBaseImage } from './base-image.ts';
import type { BaseImage } from './base-image.ts';
import { EngineAccess } from './engine-access.ts';
import type { StackContext } from './stack-context.ts';
import type { StartedEngine } from './start-engine.ts';

export interface PreparedImages {
  readonly base: BaseImage;
  /** Tag of the builder's sidecar; undefined when builds go to a given engine. */
  readonly sidecarImage: string | undefined;
}

/** Brings the base image and the builder's sidecar image into an engine. */
export async function prepareImages(
  engine: StartedEngine,
  { options }: StackContext,
): Promise<PreparedImages> {
  const access = new EngineAccess(engine.address);
  const base = await ensureBaseImage(access, options);
  return { base, sidecarImage: undefined };
}
