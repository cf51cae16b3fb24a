import type { Engine, LoadResult } from '../../docker/engine.ts';
import { ownReference } from '../../model/engine-names.ts';
import type { FoundImage } from '../find-images.ts';
import { formatBytes, formatDuration } from './render/quantities.ts';
import type { Session } from './session.ts';
import { showTransfer } from './show-transfer.ts';

export interface LoadedHere extends LoadResult {
  readonly name: string;
  /** What it is called in the engine: as was asked for, else its own name. */
  readonly reference: string;
  /** As the store has it, or would have it; absent for a tarball that leaves out layers. */
  readonly manifestDigest?: string;
  readonly configDigest: string;
  /** The task that built it, if it is an in-tree image. */
  readonly taskId?: string;
}

/** Brings an image into an engine, showing what moves, and says what was done. */
export async function loadInto(
  engine: Engine,
  image: FoundImage,
  { tag, session }: { readonly tag?: string | undefined; readonly session: Session },
): Promise<LoadedHere> {
  const { terminal, signal } = session;
  const { name, stored, taskId } = image;
  const began = performance.now();
  const options = { tag: image.tag, signal, onProgress: showTransfer(terminal) };
  const loaded = await engine.images.load(stored, options);
  if (tag !== undefined) await engine.images.tag(loaded.engineImageId, tag);
  const took = formatDuration(performance.now() - began);
  terminal.note(
    loaded.way === 'present'
      ? `${name}: was there, nothing moved (${engine.address})`
      : `${name}: ${formatBytes(loaded.bytesLoaded)} loaded in ${took} (${engine.address})`,
  );
  return {
    name,
    reference: tag ?? ownReference(image.tag),
    manifestDigest: stored.manifestDigest,
    configDigest: stored.configDigest,
    ...(taskId === undefined ? {} : { taskId }),
    ...loaded,
  };
}
