import { mapConcurrently } from '../../model/concurrently.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { inspectImage } from './engine-images.ts';
import type { TransportContext } from './transport-context.ts';

const SIDE_BY_SIDE = 8;

/**
 * The layers of an image that a classic engine need not be sent: the longest beginning of it that an image there has. The
 * engine knows a layer by the chain below it, and asks for no file of one that it has. It is asked each time, since it forgets
 * what somebody prunes.
 */
export async function findPresentLayers(
  context: TransportContext,
  { diffIds }: StoredImage,
): Promise<ReadonlySet<Digest>> {
  let longest = 0;
  const look = async ({ Id }: { readonly Id: string }): Promise<void> => {
    if (longest === diffIds.length) return;
    const layers = (await inspectImage(context, Id))?.RootFS?.Layers ?? [];
    const differs = diffIds.findIndex((diffId, at) => layers[at] !== diffId);
    longest = Math.max(longest, differs === -1 ? diffIds.length : differs);
  };
  await mapConcurrently(await context.docker.listImages({ all: true }), look, SIDE_BY_SIDE);
  return chainOnly(diffIds, longest);
}

/** A layer that comes again above the beginning lies on another chain there, so that its file is needed. */
function chainOnly(diffIds: readonly Digest[], length: number): ReadonlySet<Digest> {
  const above = new Set(diffIds.slice(length));
  return new Set(diffIds.slice(0, length).filter((diffId) => !above.has(diffId)));
}
