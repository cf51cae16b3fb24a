import type { Engine } from '../docker/engine.ts';
import { sidecarContext } from '../docker/sidecar/sidecar-image.ts';
import type { ImageBuildFailed } from '../model/errors.ts';
import { ConfigInvalid, EngineRequestFailed, isSlipwayError } from '../model/errors.ts';
import { SHARED_DOMAIN } from '../store/image-index.ts';
import type { Store } from '../store/store.ts';
import { tagOfBase } from './tag-of-base.ts';

/** What the sidecar's image is built on. */
const BASE = 'debian:bookworm';
/** Names that no registry serves. */
const OWN = 'slipway.invalid/';
const ATTEMPTS = 5;

/**
 * Makes the image of the builders' sidecars again in an engine from which somebody has pruned it, and before it its base,
 * which the store has. Safe to repeat and to race.
 *
 * @throws {ConfigInvalid} when it cannot be made here: that is nothing that an image's author can mend. @throws {EngineRequestFailed} when
 * a step of its build failed, or the registry of another image is in trouble, which may pass.
 */
export async function makeSidecarImage(
  host: Engine,
  store: Store,
  { image, signal }: { readonly image: string; readonly signal: AbortSignal },
): Promise<void> {
  const isOwn = image.startsWith(OWN);
  try {
    await (isOwn ? build(host, store, { image, signal }) : host.images.pull(image, { signal }));
  } catch (error) {
    if (!isSlipwayError(error) || (error.retryable && !(isOwn && error.type === 'EngineRequestFailed')))
      throw error;
    // A step of ours that fails, whose packages come from outside, is trouble that may pass.
    if (error.type === 'ImageBuildFailed')
      throw new EngineRequestFailed(
        `make the builder's sidecar image ${image}`,
        undefined,
        (error as ImageBuildFailed).lastWords,
        { cause: error },
      );
    throw new ConfigInvalid(
      `The builder's sidecar image ${image} is gone from ${host.address} and cannot be made there: ${error.message}`,
      { cause: error },
    );
  }
}

async function build(
  host: Engine,
  store: Store,
  { image, signal }: { readonly image: string; readonly signal: AbortSignal },
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const isKept = await haveBase(host, store, signal);
    try {
      await host.images.build(sidecarContext(), {
        imageName: 'sidecar',
        tag: image,
        args: {},
        signal,
        onOutput: () => undefined,
      });
      return;
    } catch (error) {
      // Whoever pruned the image may be pruning still, and has taken the base from under the build.
      if (!isKept || attempt === ATTEMPTS || !isSlipwayError(error) || error.type !== 'BaseUnavailable')
        throw error;
    }
  }
}

/** Whether the store has the base; without a record the build itself asks a registry for it. */
async function haveBase(host: Engine, store: Store, signal: AbortSignal): Promise<boolean> {
  const { platform } = await host.info();
  const record = await store.index.findBase(SHARED_DOMAIN, platform, BASE, 3);
  if (record && !(await host.images.find(BASE))) {
    const tag = tagOfBase(record.manifestDigest);
    const { engineImageId } = await host.images.load(record, { tag, signal });
    await host.images.tag(engineImageId, BASE);
  }
  return record !== undefined;
}
