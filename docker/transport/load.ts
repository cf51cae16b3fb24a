import type { Readable } from 'node:stream';
import { isSlipwayError, TransferFailed } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { OWN_REPOSITORY, ownReference } from '../../model/engine-names.ts';
import type { LoadResult, StepOptions } from '../engine.ts';
import { detailOf, findFullDisk, isEngineFault } from '../engine-errors.ts';
import { unlessGone } from '../room/unless-gone.ts';
import { readClosure } from '../endpoint/closure.ts';
import type { ImageEndpoint } from '../endpoint/image-endpoint.ts';
import { findDamage, isDamage } from './damage.ts';
import {
  expectedId,
  findLoaded,
  findLoadedImage,
  inspectImage,
  removeReference,
  removeTransferNames,
} from './engine-images.ts';
import { forgetImage } from './forget-image.ts';
import { loadAsTar } from './load-as-tar.ts';
import { followProgress } from './progress-stream.ts';
import { repeat } from './repeat.ts';
import { isStoreTrouble } from './store-trouble.ts';
import type { TarForEngine } from './tar-for-engine.ts';
import { tarForEngine } from './tar-for-engine.ts';
import { endpointRepository } from './transport-context.ts';
import type { TransportContext } from './transport-context.ts';
import { turnsOf } from './turns.ts';

export interface LoadOptions extends StepOptions {
  /** The image is `slipway.invalid/image:<tag>` afterwards. */
  readonly tag: string;
  /** Why nothing of it is taken for present, whatever the engine says: what it has goes, and all of the image comes. */
  readonly anew?: string | undefined;
  /** Told the image as soon as the engine has it, before it gets its name. */
  readonly onPresent?: (engineImageId: string) => Promise<void>;
  /** Told when it is not there and is about to come. */
  readonly onComing?: () => Promise<void>;
}

/** Trouble of the store that the endpoint could not hide, after which a classic engine need not try on for a minute. */
const MAX_STORE_ERRORS = 3;

/**
 * Makes a stored image usable in the engine: nothing moves when it is there; else the engine pulls what it lacks
 * through the endpoint; else, or where there is no endpoint, all of it goes as a tar. So it does `anew`, or where the engine has lost a part
 * of it, which the result says.
 * @throws {ImageDamaged} when the store lacks a part of it or has a wrong one. @throws {TransferFailed} {StoreUnavailable}
 */
export async function loadImage(
  context: TransportContext,
  image: StoredImage,
  options: LoadOptions,
): Promise<LoadResult> {
  const { signal } = options;
  signal.throwIfAborted();
  try {
    const { present, anew } = await look(context, image, options);
    if (present) return present;
    if (anew !== undefined) await forgetImage(context, image, options);
    await options.onComing?.();
    return await transfer(context, image, { ...options, anew });
  } catch (error) {
    signal.throwIfAborted();
    const damage = findDamage(error, image.manifestDigest);
    if (damage) throw damage;
    // However far it had come: the engine's own words are in it.
    const full = findFullDisk(error);
    if (full) throw full;
    if (isSlipwayError(error)) throw error;
    throw new TransferFailed('load', image.manifestDigest, (error as Error).message, { cause: error });
  }
}

/** The image as it is there, or why all of it has to come: one that has lost its last layer cannot even be inspected. */
async function look(
  context: TransportContext,
  image: StoredImage,
  options: LoadOptions,
): Promise<Pick<LoadOptions, 'anew'> & { readonly present?: LoadResult | undefined }> {
  const { docker } = context;
  const { anew } = options;
  if (anew !== undefined) return { anew };
  try {
    const id = expectedId(context, image);
    return { present: await unlessGone(docker, id, () => usePresent(context, image, options)) };
  } catch (error) {
    if (!isEngineFault(error)) throw error;
    return { anew: `the engine cannot inspect it: ${detailOf(error)}` };
  }
}

async function usePresent(
  context: TransportContext,
  image: StoredImage,
  options: LoadOptions,
): Promise<LoadResult | undefined> {
  const names = [ownReference(options.tag), expectedId(context, image)];
  const present = await findLoadedImage(context, image, names);
  // Somebody may have removed it in between.
  if (!present || !(await unlessGone(context.docker, present.Id, () => nameIt(context, present.Id, options))))
    return undefined;
  await removeTransferNames(context, present);
  return { engineImageId: present.Id, bytesLoaded: 0, way: 'present' };
}

async function transfer(
  context: TransportContext,
  image: StoredImage,
  options: LoadOptions,
): Promise<LoadResult> {
  const { endpoint } = context;
  if (options.anew !== undefined) {
    const loaded = await asTar(context, image, options);
    return loaded.way === 'present' ? loaded : { ...loaded, fellBack: options.anew };
  }
  if (!endpoint || !(await canPull(context, image, options.signal)))
    return await asTar(context, image, options);
  try {
    return await pull(context, endpoint, { ...options, image });
  } catch (error) {
    options.signal.throwIfAborted();
    if (findDamage(error, image.manifestDigest) || isStoreTrouble(error)) throw error;
    const fellBack = `pull failed: ${(error as Error).message}`;
    options.onProgress?.({ message: `${fellBack}; sending it as a tar` });
    return { fellBack, ...(await asTar(context, image, options)) };
  }
}

/** An engine that reads no zstd would fetch all of it before it says so; a tar has plain layers. */
async function canPull(context: TransportContext, image: StoredImage, signal: AbortSignal): Promise<boolean> {
  if (context.info.pullsZstd) return true;
  const closure = await readClosure(context.blobs, image.manifestDigest as Digest, signal);
  return closure.image.layers.every(({ mediaType }) => !mediaType.endsWith('+zstd'));
}

/**
 * One tar at a time brings the same layers to an engine, however many ask for the image, or for others on the same ground: the
 * others wait and look again what there is.
 */
async function asTar(
  context: TransportContext,
  image: StoredImage,
  options: LoadOptions,
): Promise<LoadResult> {
  const { signal, onProgress } = options;
  const turns = turnsOf(context.docker);
  let mayBeThere = options.anew === undefined;
  for (;;) {
    const { ended } = turns;
    const present = mayBeThere ? await usePresent(context, image, options) : undefined;
    if (present) return present;
    const tar = await tarForEngine(context, image, signal);
    // What it lacked may have come while it was asked.
    if (turns.ended !== ended) continue;
    const loaded = await turns.takeOrWait(tar.brings, signal, {
      work: () => sendTar(context, image, { ...options, tar }),
      onWait: () => onProgress?.({ message: 'the same layers are on their way already; waiting for them' }),
    });
    if (loaded) return loaded;
    // Whoever was waited for has brought it after it was forgotten.
    mayBeThere = true;
  }
}

async function sendTar(
  context: TransportContext,
  image: StoredImage,
  options: LoadOptions & { readonly tar: TarForEngine },
): Promise<LoadResult> {
  const loaded = await loadAsTar(context, image, options);
  await nameIt(context, loaded.engineImageId, options);
  const named = await inspectImage(context, loaded.engineImageId);
  if (named) await removeTransferNames(context, named);
  return { ...loaded, way: 'tar' };
}

async function pull(
  context: TransportContext,
  endpoint: ImageEndpoint,
  options: LoadOptions & { readonly image: StoredImage },
): Promise<LoadResult> {
  const { image, signal, tag } = options;
  const hopeless = new AbortController();
  let storeErrors = 0;
  const opened = await endpoint.openPull(image, {
    signal,
    onError(error) {
      storeErrors += 1;
      if (isDamage(error) || storeErrors >= MAX_STORE_ERRORS) hopeless.abort(error);
    },
  });
  const repository = endpointRepository(context);
  const reference = `${repository}@${image.manifestDigest}`;
  try {
    await repeat(
      () => pullOnce(context, options, { opened, signal: AbortSignal.any([signal, hopeless.signal]) }),
      {
        signal,
        attempts: 2,
        isHopeless: () => hopeless.signal.aborted,
        describe: (error) => [(error as Error).message, opened.errors.at(-1)].filter(Boolean).join(' '),
        fail: (detail, cause) => {
          const reason: unknown = hopeless.signal.aborted ? hopeless.signal.reason : cause;
          if (isStoreTrouble(reason)) return reason;
          return new TransferFailed('load', image.manifestDigest, detail, { cause: reason });
        },
      },
    );
    // Another load of the same image may have renamed it meanwhile, so its id and own name are asked for too.
    const engineImageId = await findLoaded(context, image, [
      reference,
      expectedId(context, image),
      ownReference(tag),
    ]);
    if (!engineImageId) throw new Error('the engine pulled it, but does not have all of it');
    await nameIt(context, engineImageId, options);
    return { engineImageId, bytesLoaded: opened.stats.bytesOut, way: 'endpoint' };
  } finally {
    opened.close();
    // Without its own name the image would be dangling on a classic engine; with it this only forgets our address.
    await removeReference(context, reference);
  }
}

async function pullOnce(
  context: TransportContext,
  { image, onProgress }: LoadOptions & { readonly image: StoredImage },
  { opened, signal }: { opened: { username: string; password: string }; signal: AbortSignal },
): Promise<void> {
  const { username, password } = opened;
  const stream = await context.docker.createImage(
    { username, password, serveraddress: context.registryHost },
    { fromImage: endpointRepository(context), tag: image.manifestDigest, abortSignal: signal },
  );
  await followProgress(stream as Readable, onProgress);
}

async function nameIt(
  context: TransportContext,
  id: string,
  { tag, signal, onPresent }: LoadOptions,
): Promise<true> {
  await onPresent?.(id);
  await context.docker.getImage(id).tag({ repo: OWN_REPOSITORY, tag, abortSignal: signal });
  return true;
}
