import type { Engine, PublishResult } from '../docker/engine.ts';
import { isSlipwayError } from '../model/errors.ts';
import type { ImportBaseInput } from '../model/pure/payloads.ts';
import type { Store } from '../store/store.ts';
import type { StepContext } from './step-context.ts';

export interface ImportBaseDeps {
  readonly store: Store;
  /** Lends the builder's engine of a trust domain. */
  withEngine<T>(domain: string, signal: AbortSignal, work: (engine: Engine) => Promise<T>): Promise<T>;
}

/**
 * Brings a base image into the store and records its first resolution in the trust domain, which counts from then on.
 * Gives the reason when nobody serves it.
 */
export async function importBase(
  { store, withEngine }: ImportBaseDeps,
  { domain, level, platform, reference }: ImportBaseInput,
  context: StepContext,
): Promise<{ readonly unavailable?: string }> {
  const known = await store.index.findBase(domain, platform, reference, level);
  if (known) return {};
  try {
    const published = await withEngine(domain, context.signal, (engine) =>
      pullAndPublish(engine, reference, context),
    );
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
    if (final && !context.signal.aborted) return { unavailable: error.message };
    throw error;
  }
}

async function pullAndPublish(
  engine: Engine,
  reference: string,
  { signal, onProgress }: StepContext,
): Promise<PublishResult> {
  onProgress({ message: `pulling base ${reference}` });
  const { engineImageId } = await engine.images.pull(reference, { signal, onProgress });
  return engine.images.publish(engineImageId, { signal, onProgress, mayConfirm: () => false });
}
