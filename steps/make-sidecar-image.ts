import type { Engine } from '../docker/engine.ts';
import { sidecarContext } from '../docker/sidecar/sidecar-image.ts';
import { ConfigInvalid, isSlipwayError } from '../model/errors.ts';
import type { Store } from '../store/store.ts';

/** What the sidecar's image is built on. */
const BASE = 'debian:bookworm';
/** Names that no registry serves. */
const OWN = 'slipway.invalid/';

/**
 * Makes the image of the builders' sidecars again in an engine from which somebody has pruned it, and before it its base,
 * which the store has. Safe to repeat and to race.
 *
 * @throws {ConfigInvalid} when it cannot be made here: that is nothing that an image's author can mend.
 */
export async function makeSidecarImage(
  host: Engine,
  store: Store,
  { image, signal }: { readonly image: string; readonly signal: AbortSignal },
): Promise<void> {
  try {
    if (!image.startsWith(OWN)) {
      await host.images.pull(image, { signal });
      return;
    }
    await haveBase(host, store, signal);
    await host.images.build(sidecarContext(), {
      imageName: 'sidecar',
      tag: image,
      args: {},
      signal,
      onOutput: () => undefined,
    });
  } catch (error) {
    if (!isSlipwayError(error) || (error.retryable && error.type !== 'EngineRequestFailed')) throw error;
    throw new ConfigInvalid(
      `The builder's sidecar image ${image} is gone from ${host.address} and cannot be made there: ${error.message}`,
      { cause: error },
    );
  }
}

async function haveBase(host: Engine, store: Store, signal: AbortSignal): Promise<void> {
  if (await host.images.find(BASE)) return;
  const { platform } = await host.info();
  const record = await store.index.findBase('_shared', platform, BASE, 3);
  // Without a record the build itself asks a registry for it.
  if (!record) return;
  const tag = `base-${record.manifestDigest.slice('sha256:'.length)}`;
  const { engineImageId } = await host.images.load(record, { tag, signal });
  await host.images.tag(engineImageId, BASE);
}
