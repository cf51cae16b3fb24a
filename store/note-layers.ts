import type { LayerBlob } from '../model/blob-store.ts';
import { mapConcurrently } from '../model/concurrently.ts';
import { isSlipwayError } from '../model/errors.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Store } from './store.ts';

const SIDE_BY_SIDE = 4;

/**
 * Notes as which blobs layers are stored, for whoever has one as a plain tar: it need not be compressed and stored again. One that many
 * note at once some of them do not.
 */
export async function noteLayers(
  { index }: Pick<Store, 'index'>,
  { domain, level }: { readonly domain: string; readonly level: Level },
  layers: readonly LayerBlob[],
): Promise<void> {
  await mapConcurrently(
    layers,
    ({ diffId, digest }) =>
      index.recordLayer(domain, level, diffId, digest).catch((error: unknown) => {
        if (!isSlipwayError(error) || error.type !== 'WriteConflict') throw error;
      }),
    SIDE_BY_SIDE,
  );
}
