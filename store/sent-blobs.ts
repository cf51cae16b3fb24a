import { z } from 'zod';
import { DIGEST_PATTERN } from '../model/pure/ids.ts';
import type { Digest } from '../model/pure/ids.ts';
import { readUsableJson, writeJson } from './json-object.ts';
import { encodeSegment, sentBlobKey, sentLayersPrefix } from './keys.ts';
import type { ObjectStore } from './object-store.ts';
import type { SentBlobs } from './store.ts';

const digest = z
  .string()
  .regex(DIGEST_PATTERN)
  .transform((text) => text as Digest);

const sentLayerSchema = z.object({
  version: z.literal(1),
  diffId: digest,
  digest,
  sizeBytes: z.number(),
  mediaType: z.string(),
  unpackedBytes: z.number(),
});

/** `level-<L>/layers/<domain>/sent/<digest>` and `…/of-tarballs/<sha256>/<diffId>`. */
export function createSentBlobs(objects: ObjectStore): SentBlobs {
  return {
    async has(domain, level, blob) {
      return (await objects.head(sentBlobKey(domain, level, blob))) !== undefined;
    },

    async record(domain, level, blob) {
      await writeJson(objects, sentBlobKey(domain, level, blob), { version: 1 });
    },

    async layersOf(domain, level, sha256) {
      const layers = [];
      for await (const { key } of objects.list(sentLayersPrefix(domain, level, sha256))) {
        const layer = await readUsableJson(objects, key, sentLayerSchema);
        if (layer) layers.push(layer);
      }
      return layers;
    },

    async recordLayer(domain, level, sha256, layer) {
      const key = sentLayersPrefix(domain, level, sha256) + encodeSegment(layer.diffId);
      await writeJson(objects, key, sentLayerSchema.parse({ version: 1, ...layer }));
    },
  };
}
