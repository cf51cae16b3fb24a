import { dockerAt } from '../docker/client.ts';
import { reachesLoopback } from '../docker/endpoint/reaches-loopback.ts';
import { ensureBaseImage } from './base-image.ts';
import type { BaseImage } from './base-image.ts';
import { EngineAccess } from './engine-access.ts';
import { givenStore, s3Connection } from './s3-server.ts';
import { ensureSidecarImage } from './sidecar-image.ts';
import type { StackContext } from './stack-context.ts';

export interface PreparedImages {
  readonly base: BaseImage;
  /** The engine for builds, when they do not go to sidecars. */
  readonly builderEngine: string | undefined;
  /** Tag of the builder's sidecar; undefined when builds go to an engine. */
  readonly sidecarImage: string | undefined;
}

/** Brings the base image and the image of the builder's sidecar into an engine. Needs no store that runs. */
export async function prepareImages(engine: string, context: StackContext): Promise<PreparedImages> {
  const { options, ports, settings } = context;
  const base = await ensureBaseImage(new EngineAccess(engine), options);
  const given = options.env['SLIPWAY_BUILDER_DOCKER_HOST'];
  if (given) return { base, builderEngine: given, sidecarImage: undefined };
  // A sidecar's sockets are files of this machine, and a forwarder's end is here.
  if (!(await reachesLoopback(dockerAt(engine), options.signal))) {
    const message = `${engine} is not on this machine's network (a virtual machine, rootless, or elsewhere): images move as tars, and it builds itself, without sidecars`;
    options.onProgress({ part: 'engine', state: 'note', message, elapsedMs: 0 });
    return { base, builderEngine: engine, sidecarImage: undefined };
  }
  const store = givenStore(options.env) ?? s3Connection(ports.s3, settings.value);
  const sidecarImage = await ensureSidecarImage({ engine, store, fleet: settings.value.fleet }, options);
  return { base, builderEngine: undefined, sidecarImage };
}
