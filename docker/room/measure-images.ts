import { createHash } from 'node:crypto';
import type Docker from 'dockerode';
import { mapConcurrently } from '../../model/concurrently.ts';
import { isOwnName } from '../../model/engine-names.ts';
import type { Layer } from './choose-image.ts';
import type { Removable } from './removable.ts';
import { removeImage } from './remove-image.ts';
import { unlessGone } from './unless-gone.ts';
import { isHeld, isOwnImage, isTemporaryName, lastUseOf, namesOf } from './use-names.ts';

export interface MeasureOptions {
  /** In an engine that nobody else uses every image is Slipway's, whatever other names it has. */
  readonly isPrivate: boolean;
  readonly nowMs: number;
}

/** What a worker that loads from the store reaches at least; only relations matter. */
const BYTES_PER_SECOND = 50_000_000;
const SECONDS_TO_BEGIN = 2;
/** What only this engine has is built again, if its definition is still known. */
const SECONDS_TO_BUILD = 600;
/** A build or load that was killed leaves its names; nothing is under way for so long. */
const TEMPORARY_MS = 24 * 60 * 60_000;

/**
 * Asks an engine for the images that are Slipway's, with their sizes, last uses and whether they may go. An image that has also a
 * name of somebody else's is not Slipway's.
 */
export async function measureImages(docker: Docker, options: MeasureOptions): Promise<readonly Removable[]> {
  // In this order: a container that is made in between is of an image that is held.
  const own = await listOwn(docker, options);
  const containers = await docker.listContainers({ all: true });
  const inUse = new Set(containers.map(({ ImageID }) => ImageID));
  const measured = await mapConcurrently(own, (image) => measure(docker, image, { ...options, inUse }), 4);
  return measured.filter((image) => image !== undefined);
}

/** More than Slipway's images take, or just that: what they share is counted for each. One question, however many there are. */
export async function boundImages(
  docker: Docker,
  options: Pick<MeasureOptions, 'isPrivate'>,
): Promise<number> {
  return (await listOwn(docker, options)).reduce((sum, { Size }) => sum + Size, 0);
}

async function listOwn(
  docker: Docker,
  { isPrivate }: Pick<MeasureOptions, 'isPrivate'>,
): Promise<readonly Docker.ImageInfo[]> {
  return (await docker.listImages()).filter((image) => isPrivate || isOwnImage(image));
}

async function measure(
  docker: Docker,
  image: Docker.ImageInfo,
  { nowMs, inUse }: MeasureOptions & { readonly inUse: ReadonlySet<string> },
): Promise<Removable | undefined> {
  const { Id: id, Size: bytes, Created } = image;
  const told: unknown = await unlessGone(docker, id, () => docker.getImage(id).history());
  if (told === undefined) return undefined;
  // An engine with the containerd store says `null` of one that has none, which reaches us as bytes.
  const history = Array.isArray(told) ? (told as HistoryEntry[]) : [];
  const names = namesOf(image);
  const isMoving = names.some(isTemporaryName) && (await isRecentlyNamed(docker, id, nowMs));
  return {
    what: 'image',
    id,
    names,
    bytes,
    layers: layersOf(history, { id, bytes }),
    lastUsedMs: lastUseOf(names) ?? Created * 1000,
    secondsToGetBack: names.some(isMadeHere) ? SECONDS_TO_BUILD : SECONDS_TO_BEGIN + bytes / BYTES_PER_SECOND,
    // One that has just been pulled from outside has no name of ours yet.
    mayGo: names.some(isOwnName) && !inUse.has(id) && !isHeld(names, nowMs) && !isMoving,
    remove: () => removeImage(docker, { id, names }),
  };
}

interface HistoryEntry {
  readonly Created: number;
  readonly CreatedBy: string;
  readonly Size: number;
}

/**
 * Engines tell the size of a layer only by an image's history, so a layer is known by the history up to it. A containerd store
 * has the compressed layer beside the unpacked one, which only the size of the whole says: each layer gets its part of it.
 */
function layersOf(
  history: readonly HistoryEntry[],
  { id, bytes }: { readonly id: string; readonly bytes: number },
): readonly Layer[] {
  const unpacked = history.reduce((sum, { Size }) => sum + Size, 0);
  // Some tools write no history; what is shared then is not known.
  if (unpacked === 0) return [{ key: id, bytes }];
  const layers: Layer[] = [];
  let key = '';
  for (const { Created, CreatedBy, Size } of history.toReversed()) {
    key = createHash('sha256')
      .update(JSON.stringify([key, Created, CreatedBy, Size]))
      .digest('hex');
    if (Size > 0) layers.push({ key, bytes: Math.round((Size * bytes) / unpacked) });
  }
  return layers;
}

/** Engines keep when an image was last given a name that it had not; one that does not tell is taken for recent. */
async function isRecentlyNamed(docker: Docker, id: string, nowMs: number): Promise<boolean> {
  const found = (await unlessGone(docker, id, () => docker.getImage(id).inspect())) as
    { readonly Metadata?: { readonly LastTagTime?: string } } | undefined;
  const named = Date.parse(found?.Metadata?.LastTagTime ?? '');
  return !(named > 0) || nowMs - named < TEMPORARY_MS;
}

/** The store has no such image, or nobody knows of it. */
function isMadeHere(name: string): boolean {
  return /^slipway\.invalid\/(?:image:local-|sidecar:)/.test(name);
}
