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

const sentBlobSchema = z.object({ version: z.literal(1), sizeBytes: z.number() });

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
    async sizeOf(domain, level, blob) {
      const note = await readUsableJson(objects, sentBlobKey(domain, level, blob), sentBlobSchema);
      return note?.sizeBytes;
    },

    async record(domain, level, blob, sizeBytes) {
      const note = sentBlobSchema.parse({ version: 1, sizeBytes });
      await writeJson(objects, sentBlobKey(domain, level, blob), note);
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
