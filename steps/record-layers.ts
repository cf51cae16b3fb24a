import type { PublishResult } from '../docker/engine.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Store } from '../store/store.ts';

/** Notes which blobs the layers of an image became, for whoever has the same layers and only the tar way to publish them. */
export async function recordLayers(
  { index }: Store,
  { domain, level }: { readonly domain: string; readonly level: Level },
  { layers = [] }: Pick<PublishResult, 'layers'>,
): Promise<void> {
  for (const { diffId, digest } of layers) await index.recordLayer(domain, level, diffId, digest);
}
