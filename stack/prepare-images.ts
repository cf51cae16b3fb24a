import { ensureBaseImage } from './base-image.ts';
import type { BaseImage } from './base-image.ts';
import { EngineAccess } from './engine-access.ts';
import { givenStore, s3Connection } from './s3-server.ts';
import { ensureSidecarImage } from './sidecar-image.ts';
import type { StackContext } from './stack-context.ts';

export interface PreparedImages {
  readonly base: BaseImage;
  /** Tag of the builder's sidecar; undefined when builds go to a given engine. */
  readonly sidecarImage: string | undefined;
}

/** Brings the base image and the image of the builder's sidecar into an engine. Needs no store that runs. */
export async function prepareImages(engine: string, context: StackContext): Promise<PreparedImages> {
  const { options, ports, settings } = context;
  const base = await ensureBaseImage(new EngineAccess(engine), options);
  if (options.env['SLIPWAY_BUILDER_DOCKER_HOST']) return { base, sidecarImage: undefined };
  const store = givenStore(options.env) ?? s3Connection(ports.s3, settings.value);
  const sidecarImage = await ensureSidecarImage({ engine, store, fleet: settings.value.fleet }, options);
  return { base, sidecarImage };
}
