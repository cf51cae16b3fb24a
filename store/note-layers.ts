import type { LayerBlob } from '../model/blob-store.ts';
import { mapConcurrently } from '../model/concurrently.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Store } from './store.ts';

const SIDE_BY_SIDE = 4;

/** Notes as which blobs layers are stored, for whoever has one as a plain tar: it need not be compressed and stored again. */
export async function noteLayers(
  { index }: Pick<Store, 'index'>,
  { domain, level }: { readonly domain: string; readonly level: Level },
  layers: readonly LayerBlob[],
): Promise<void> {
  await mapConcurrently(
    layers,
    ({ diffId, digest }) => index.recordLayer(domain, level, diffId, digest),
    SIDE_BY_SIDE,
  );
}
