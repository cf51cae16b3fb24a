import type { EngineImages } from '../docker/engine.ts';
import type { Digest, Level } from '../model/pure/ids.ts';
import type { Store } from '../store/store.ts';

type PublishOptions = Parameters<EngineImages['publish']>[1];

/**
 * How to publish so that whoever does it again, after one that was killed on the way, sends only what has not arrived: what
 * arrives is noted at once, and what was noted by this domain and level need not be sent. `isKnown`: nor need these.
 */
export function publishNotes(
  { blobs, index, sent }: Pick<Store, 'blobs' | 'index' | 'sent'>,
  { domain, level }: { readonly domain: string; readonly level: Level },
  isKnown: (digest: Digest) => boolean,
): Required<Pick<PublishOptions, 'mayConfirm' | 'findLayers' | 'onBlob' | 'onLayer'>> {
  /** One that was cut or emptied since, as damaged ones are, has to come again. */
  const hasCome = async (digest: Digest): Promise<boolean> => {
    const sizeBytes = await sent.sizeOf(domain, level, digest);
    return sizeBytes !== undefined && (await blobs.stat(digest))?.sizeBytes === sizeBytes;
  };
  return {
    mayConfirm: async (digest) => isKnown(digest) || (await hasCome(digest)),
    onBlob: (digest, sizeBytes) => sent.record(domain, level, digest, sizeBytes),
    findLayers: (diffId) => index.findLayers(domain, level, diffId),
    onLayer: ({ diffId, digest }) => index.recordLayer(domain, level, diffId, digest),
  };
}
