import type { Engine, PublishResult } from '../docker/engine.ts';
import type { RenewBaseInput, RenewedBase } from '../model/pure/base-payloads.ts';
import type { BaseRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { askRegistry, NoBase } from './base-trouble.ts';
import { examineFlaws } from './examine-image.ts';
import { closureOf } from './image-closure.ts';
import type { LendEngine } from './lend-engine.ts';
import { lendPatiently } from './lend-patiently.ts';
import { publishNotes } from './publish-notes.ts';
import type { StepContext } from './step-context.ts';

/** Where there is a record that can count: about a quarter of a minute, so that pushes go on where no registry is to be reached. */
const ATTEMPTS_WITH_RECORD = 5;

export interface RenewBaseDeps {
  readonly store: Store;
  readonly withEngine: LendEngine;
}

/**
 * Resolves a base anew and records what it is now, for all or, with `tracked`, for images that track it. When nobody serves
 * it the last record counts, and the answer says so. What is as it was keeps its digest, so that nothing is built for it.
 * Safe to repeat. @throws {EngineRequestFailed} when its registry is in trouble and another attempt is worth it.
 */
export async function renewBase(
  { store, withEngine }: RenewBaseDeps,
  input: RenewBaseInput,
  context: StepContext,
): Promise<RenewedBase> {
  const { domain, level, platform, reference, tracked } = input;
  const isSound = (base: BaseRecord): Promise<boolean> => examineFlaws(store.blobs, base, context.signal);
  const find = tracked ? store.index.findTrackedBase : store.index.findBase;
  const known = await find(domain, platform, reference, level, isSound);
  const before = known ? { before: known.manifestDigest } : {};
  const found = await lendPatiently(withEngine, domain, { context }, (engine, inEngine) =>
    resolveAnew(store, engine, { ...input, known }, inEngine),
  );
  if (found instanceof NoBase)
    return { ...before, ...(known ? answerOf(known) : {}), unavailable: found.unavailable };
  const record = await store.index.renewBase(
    domain,
    level,
    { ...found, version: 1, reference, platform, resolved: new Date().toISOString() },
    { tracked },
  );
  return { ...before, ...answerOf(record) };
}

type Resolved = Pick<
  BaseRecord,
  'manifestDigest' | 'configDigest' | 'diffIds' | 'sizeBytes' | 'source' | 'registryDigest'
>;

async function resolveAnew(
  store: Store,
  engine: Engine,
  { domain, level, platform, reference, known }: RenewBaseInput & { readonly known: BaseRecord | undefined },
  context: StepContext,
): Promise<Resolved | NoBase> {
  const { signal, onProgress } = context;
  const ask = <T>(question: () => Promise<T>): Promise<T | NoBase> =>
    askRegistry(question, context, known ? ATTEMPTS_WITH_RECORD : undefined);
  onProgress({ message: `resolving base ${reference}` });
  const registryDigest = await ask(() => engine.images.registryDigest(reference, signal));
  if (registryDigest instanceof NoBase) return registryDigest;
  if (known?.registryDigest === registryDigest) return resolvedOf(known, registryDigest);
  const pulled = await ask(() => engine.images.pull(reference, { platform, signal, onProgress }));
  if (pulled instanceof NoBase) return pulled;
  const { engineImageId } = pulled;
  const layers = new Set<string>(known ? await closureOf(store.blobs, known.manifestDigest, signal) : []);
  const published = await engine.images.publish(engineImageId, {
    signal,
    onProgress,
    ...publishNotes(store, { domain, level }, (digest) => layers.has(digest)),
  });
  await engine.images.use(engineImageId);
  // Where that is an index, its platform's image alone was published; both are to be let go some day.
  await engine.images.use(reference);
  // The same image by other compressed bytes, or the registry's index changed for another platform only.
  const isSame = known?.configDigest === published.configDigest;
  return isSame
    ? resolvedOf(known, registryDigest)
    : { ...storedOf(published), source: 'pulled', registryDigest };
}

function resolvedOf(known: BaseRecord, registryDigest: string): Resolved {
  return { ...storedOf(known), source: known.source, registryDigest };
}

function storedOf({
  manifestDigest,
  configDigest,
  diffIds,
  sizeBytes,
}: Pick<BaseRecord | PublishResult, 'manifestDigest' | 'configDigest' | 'diffIds' | 'sizeBytes'>): Pick<
  BaseRecord,
  'manifestDigest' | 'configDigest' | 'diffIds' | 'sizeBytes'
> {
  return { manifestDigest, configDigest, diffIds, sizeBytes };
}

function answerOf(record: BaseRecord): Pick<RenewedBase, 'stored' | 'resolved'> {
  return { stored: storedOf(record), resolved: record.resolved };
}
