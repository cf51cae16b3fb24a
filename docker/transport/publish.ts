import type { Readable } from 'node:stream';
import type { LayerBlob } from '../../model/blob-store.ts';
import { mapConcurrently } from '../../model/concurrently.ts';
import { isSlipwayError, TransferFailed } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { PublishResult, StepOptions } from '../engine.ts';
import { findFullDisk } from '../engine-errors.ts';
import type { ImageEndpoint } from '../endpoint/image-endpoint.ts';
import type { MayConfirm, OnBlob } from '../endpoint/transfer.ts';
import { isEndpointName } from '../room/use-names.ts';
import { findDamage } from './damage.ts';
import { inspectImage, removeReference } from './engine-images.ts';
import { followProgress } from './progress-stream.ts';
import type { FindLayers } from './known-layers.ts';
import { publishAsTar } from './publish-as-tar.ts';
import { PushTrouble } from './push-trouble.ts';
import { repeat } from './repeat.ts';
import { isStoreTrouble } from './store-trouble.ts';
import { readStoredImage } from './stored-image.ts';
import { endpointRepository } from './transport-context.ts';
import type { TransportContext } from './transport-context.ts';

const LAYERS_TOLD_AT_ONCE = 4;

export interface PublishOptions extends StepOptions {
  /** Of which stored blobs the endpoint may tell the engine that they need not be sent. */
  readonly mayConfirm: MayConfirm;
  /** Blobs that are said to unpack to a layer, where images go as tars. */
  readonly findLayers?: FindLayers;
  /** Told of each blob that has come whole through the endpoint. */
  readonly onBlob?: OnBlob;
  /** Told of each layer of the image and the blob that it is in the store; by a push, once the store has all of them. */
  readonly onLayer?: (layer: LayerBlob) => Promise<void>;
}

interface Wanted extends PublishOptions {
  readonly image: string;
  /** The engine's own id of it. */
  readonly id: string;
}

/**
 * Moves an image of the engine (id or tag) into the store: by the engine's own push into the endpoint, which sends
 * only what the store lacks; as a tar where there is no endpoint, or where a push fails again and again though the store is
 * there, and the result says so. Safe to repeat: what arrived stays.
 * @throws {TransferFailed} also when the engine has no such image: somebody has removed it. @throws {EngineOutOfSpace} {StoreUnavailable} {StoreOutOfSpace}
 * @throws {ImageDamaged} when the store has had other bytes than these under one of their digests all along.
 */
export async function publishImage(
  context: TransportContext,
  image: string,
  options: PublishOptions,
): Promise<PublishResult> {
  const { signal } = options;
  signal.throwIfAborted();
  const found = await inspectImage(context, image);
  if (!found) throw new TransferFailed('publish', image, 'the engine does not have it');
  try {
    return await transfer(context, { ...options, image, id: found.Id });
  } catch (error) {
    signal.throwIfAborted();
    const full = findFullDisk(error);
    if (full) throw full;
    if (isSlipwayError(error)) throw error;
    throw new TransferFailed('publish', image, (error as Error).message, { cause: error });
  }
}

async function transfer(context: TransportContext, options: Wanted): Promise<PublishResult> {
  const { image, signal, onProgress, onLayer } = options;
  if (!context.endpoint) return publishAsTar(context, image, options);
  let pushed: Pushed;
  try {
    pushed = await push(context, context.endpoint, options);
  } catch (error) {
    signal.throwIfAborted();
    // Of the store, which a tar goes to as well.
    if (isStoreTrouble(error) || (isSlipwayError(error) && error.type === 'ImageDamaged')) throw error;
    const fellBack = `push failed: ${(error as Error).message}`;
    onProgress?.({ message: `${fellBack}; sending it as a tar` });
    const published = await publishAsTar(context, image, options).catch((cause: unknown) => {
      throw isSlipwayError(cause) && !(cause instanceof TransferFailed)
        ? cause
        : new TransferFailed('publish', image, `${(cause as Error).message}; before that ${fellBack}`, {
            cause,
          });
    });
    const reasons = [fellBack, ...(published.fellBack === undefined ? [] : [published.fellBack])];
    return { ...published, fellBack: reasons.join('; ') };
  }
  const { result, layers } = pushed;
  if (onLayer) await mapConcurrently(layers, onLayer, LAYERS_TOLD_AT_ONCE);
  return result;
}

interface Pushed {
  readonly result: PublishResult;
  readonly layers: readonly LayerBlob[];
}

async function push(context: TransportContext, endpoint: ImageEndpoint, options: Wanted): Promise<Pushed> {
  const { image, id, signal, mayConfirm, onBlob } = options;
  const trouble = new PushTrouble();
  const transfer = endpoint.openPush({
    mayConfirm,
    onBlob,
    onError: (error, begunMs) => trouble.failed(error, begunMs),
    onStored: () => trouble.stored(),
  });
  const ended = AbortSignal.any([signal, trouble.hopeless]);
  try {
    const manifestDigest = await repeat(() => pushOnce(context, transfer, { ...options, signal: ended }), {
      signal,
      // The store was asked again and again already, by itself and by the engine.
      isHopeless: () => isStoreTrouble(trouble.last),
      describe: (error) => describe(error, transfer.errors),
      fail: (detail, cause) =>
        isStoreTrouble(trouble.last)
          ? trouble.last
          : new TransferFailed('publish', image, detail, { cause: trouble.last ?? cause }),
    });
    const { stored, layers } = await readStoredImage(context.blobs, manifestDigest, signal).catch(
      (error: unknown) => {
        throw findDamage(error, manifestDigest) ?? error;
      },
    );
    return { result: { ...stored, bytesUploaded: transfer.stats.bytesIn, way: 'endpoint' }, layers };
  } finally {
    transfer.close();
    await removeThrowAways(context, id);
  }
}

async function pushOnce(
  context: TransportContext,
  transfer: ReturnType<ImageEndpoint['openPush']>,
  { id, signal, onProgress }: StepOptions & { readonly id: string },
): Promise<Digest> {
  const repository = endpointRepository(context);
  // Each time: another push of the same image may have cleared the throw-away names away.
  await context.docker.getImage(id).tag({ repo: repository, tag: transfer.tag, abortSignal: signal });
  const stream = await context.docker.getImage(repository).push({
    tag: transfer.tag,
    authconfig: {
      username: transfer.username,
      password: transfer.password,
      serveraddress: context.registryHost,
    },
    abortSignal: signal,
  });
  await followProgress(stream as Readable, onProgress);
  // Not by what the engine says: some say it in `aux`, some only in words.
  const pushed = transfer.result().manifests.find(({ reference }) => reference === transfer.tag);
  if (!pushed) throw new Error('the engine ended its push without a manifest');
  return pushed.digest;
}

/** The endpoint's message says what went wrong; the engine's often only that something did. */
function describe(error: unknown, errors: readonly string[]): string {
  const last = errors.at(-1);
  const message = (error as Error).message;
  return last && !message.includes(last) ? `${message} (${last})` : message;
}

/**
 * Removes the image's names of our endpoint, also those that a worker left behind which was killed. Removing an image's only
 * name would remove the image: one that had none keeps its throw-away name.
 */
async function removeThrowAways(context: TransportContext, id: string): Promise<void> {
  const names = (await inspectImage(context, id))?.RepoTags ?? [];
  const throwAways = names.filter(isEndpointName);
  if (throwAways.length === names.length) return;
  for (const name of throwAways) await removeReference(context, name);
}
