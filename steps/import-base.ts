import type { Engine } from '../docker/engine.ts';
import { isSlipwayError } from '../model/errors.ts';
import type { ImportBaseInput } from '../model/pure/payloads.ts';
import type { Store } from '../store/store.ts';
import type { StepContext } from './step-context.ts';

export interface ImportBaseDeps {
  readonly store: Store;
  builderEngine(domain: string, signal: AbortSignal): Promise<Engine>;
}

/**
 * Brings a base image into the store and records its first resolution in the trust domain, which counts from then on.
 * Gives the reason when nobody serves it.
 */
export async function importBase(
  { store, builderEngine }: ImportBaseDeps,
  { domain, level, platform, reference }: ImportBaseInput,
  { signal, onProgress }: StepContext,
): Promise<{ readonly unavailable?: string }> {
  const known = await store.index.findBase(domain, platform, reference, level);
  if (known) return {};
  const engine = await builderEngine(domain, signal);
  try {
    onProgress({ message: `pulling base ${reference}` });
    const { engineImageId } = await engine.images.pull(reference, { signal, onProgress });
    const published = await engine.images.publish(engineImageId, {
      signal,
      onProgress,
      mayConfirm: () => false,
    });
    const { manifestDigest, configDigest, diffIds, sizeBytes } = published;
    const stored = { manifestDigest, configDigest, diffIds, sizeBytes };
    await store.index.recordBase(domain, level, {
      version: 1,
      ...stored,
      reference,
      platform,
      resolved: new Date().toISOString(),
      source: 'pulled',
    });
    return {};
  } catch (error) {
    const final =
      isSlipwayError(error) && (error.type === 'ImageUnavailable' || error.type === 'EngineRequestFailed');
    if (final && !signal.aborted) return { unavailable: error.message };
    throw error;
  }
}
