import type { Engine, PublishResult } from '../docker/engine.ts';
import { isSlipwayError } from '../model/errors.ts';
import type { ImportBaseInput } from '../model/pure/base-payloads.ts';
import type { BaseRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { askRegistry, NoBase } from './base-trouble.ts';
import { examineFlaws } from './examine-image.ts';
import { closureOf, isWhole } from './image-closure.ts';
import type { LendEngine } from './lend-engine.ts';
import { lendPatiently } from './lend-patiently.ts';
import { publishNotes } from './publish-notes.ts';
import type { StepContext } from './step-context.ts';
import { tagOfBase } from './tag-of-base.ts';

export interface ImportBaseDeps {
  readonly store: Store;
  readonly withEngine: LendEngine;
  /** Lends the engine that the builder's sidecars run in, which may have a base that they lack. */
  withHostEngine<T>(work: (engine: Engine) => Promise<T>): Promise<T>;
}

/**
 * Brings a base image into the store and records its first resolution in the trust domain, which counts from then on. One
 * whose stored image is damaged is made whole again, from an engine that has it; else its newest resolution counts.
 * Gives the reason when nobody serves it. Safe to repeat: blobs and record are written only where there is none.
 * @throws {EngineRequestFailed} when its registry is in trouble and another attempt is worth it.
 */
export async function importBase(
  deps: ImportBaseDeps,
  { domain, level, platform, reference }: ImportBaseInput,
  context: StepContext,
): Promise<{ readonly unavailable?: string }> {
  const { store, withEngine } = deps;
  const isSound = (base: BaseRecord): Promise<boolean> => examineFlaws(store.blobs, base, context.signal);
  if (await store.index.findBase(domain, platform, reference, level, isSound)) return {};
  const known = await store.index.findBase(domain, platform, reference, level);
  const published = await lendPatiently(withEngine, domain, { context }, async (engine, inEngine) => {
    const again = known && (await restore(deps, engine, known, inEngine));
    return again
      ? undefined
      : pullAndPublish(engine, { store, domain, level, platform, reference }, inEngine);
  });
  if (!published) return {};
  if (published instanceof NoBase) return { unavailable: published.unavailable };
  const { manifestDigest, configDigest, diffIds, sizeBytes } = published;
  const stored = { manifestDigest, configDigest, diffIds, sizeBytes };
  const record = {
    version: 1 as const,
    ...stored,
    reference,
    platform,
    resolved: new Date().toISOString(),
    source: 'pulled' as const,
  };
  await store.index.recordBase(domain, level, record, { replaces: known?.manifestDigest });
  return {};
}

/** Publishes the very same image again from an engine that has it; whether the store has all of it afterwards. */
async function restore(
  { store, withHostEngine }: ImportBaseDeps,
  engine: Engine,
  known: BaseRecord,
  context: StepContext,
): Promise<boolean> {
  const publishFrom = (from: Engine): Promise<boolean> => publishAgain(store, from, known, context);
  if (await publishFrom(engine)) return true;
  try {
    return await withHostEngine(publishFrom);
  } catch (error) {
    // A builder whose engine is given to it may have no other beside it.
    if (isSlipwayError(error) && error.type === 'EngineUnavailable') return false;
    throw error;
  }
}

async function publishAgain(
  { blobs }: Store,
  engine: Engine,
  known: BaseRecord,
  { signal, onProgress }: StepContext,
): Promise<boolean> {
  const { manifestDigest, reference } = known;
  try {
    // It moves nothing where the engine has exactly this image, and fails where it would have to be read from the store.
    const tag = tagOfBase(manifestDigest);
    const { engineImageId } = await engine.images.load(known, { tag, signal });
    onProgress({ message: `publishing base ${reference} again` });
    const sound = new Set(await closureOf(blobs, manifestDigest, signal));
    await engine.images.publish(engineImageId, {
      signal,
      onProgress,
      mayConfirm: (digest) => sound.has(digest),
    });
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'ImageDamaged') return false;
    throw error;
  }
  return isWhole(blobs, manifestDigest, signal);
}

async function pullAndPublish(
  engine: Engine,
  { store, domain, level, platform, reference }: ImportBaseInput & { readonly store: Store },
  context: StepContext,
): Promise<PublishResult | NoBase> {
  const { signal, onProgress } = context;
  onProgress({ message: `pulling base ${reference}` });
  const pulled = await askRegistry(
    () => engine.images.pull(reference, { platform, signal, onProgress }),
    context,
  );
  if (pulled instanceof NoBase) return pulled;
  const { engineImageId } = pulled;
  const published = await engine.images.publish(engineImageId, {
    signal,
    onProgress,
    ...publishNotes(store, { domain, level }, () => false),
  });
  await engine.images.use(engineImageId);
  // Where that is an index, its platform's image alone was published; both are to be let go some day.
  await engine.images.use(reference);
  return published;
}
