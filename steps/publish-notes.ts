import type { EngineImages } from '../docker/engine.ts';
import type { Digest, Level } from '../model/pure/ids.ts';
import type { Store } from '../store/store.ts';

type PublishOptions = Parameters<EngineImages['publish']>[1];

/**
 * How to publish so that whoever does it again, after one that was killed on the way, sends only what has not arrived: what
 * arrives is noted at once, and what was noted by this domain and level need not be sent. `isKnown`: nor need these.
 */
export function publishNotes(
  { index, sent }: Pick<Store, 'index' | 'sent'>,
  { domain, level }: { readonly domain: string; readonly level: Level },
  isKnown: (digest: Digest) => boolean,
): Required<Pick<PublishOptions, 'mayConfirm' | 'findLayers' | 'onBlob' | 'onLayer'>> {
  return {
    mayConfirm: async (digest) => isKnown(digest) || (await sent.has(domain, level, digest)),
    onBlob: (digest) => sent.record(domain, level, digest),
    findLayers: (diffId) => index.findLayers(domain, level, diffId),
    onLayer: ({ diffId, digest }) => index.recordLayer(domain, level, diffId, digest),
  };
}
