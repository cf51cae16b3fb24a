import { mapConcurrently } from '../../model/concurrently.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { isEngineFault } from '../engine-errors.ts';
import { chainOnly, commonLength } from './common-layers.ts';
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
    const found = await inspectImage(context, Id).catch((error: unknown) => {
      // One that has lost a layer has nothing that is of use.
      if (!isEngineFault(error)) throw error;
      return undefined;
    });
    const layers = found?.RootFS?.Layers ?? [];
    longest = Math.max(longest, commonLength(diffIds, layers));
  };
  await mapConcurrently(await context.docker.listImages({ all: true }), look, SIDE_BY_SIDE);
  return chainOnly(diffIds, longest);
}
