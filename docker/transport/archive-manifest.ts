import { z } from 'zod';
import { digestOf } from '../endpoint/closure.ts';
import { toArchivePath } from './archive-path.ts';
import type { ArchivedImage } from './archived-image.ts';
import { parseDocument } from './parse-document.ts';
import type { Archive } from './read-archive.ts';

const MAX_LAYERS = 1000;
const MAX_IMAGES = 1000;

const archiveManifestSchema = z
  .array(
    z.object({
      Config: z.string(),
      RepoTags: z.array(z.string()).nullish(),
      Layers: z.array(z.string()).max(MAX_LAYERS).nullish(),
    }),
  )
  .max(MAX_IMAGES);

/** Images of a docker-archive, as `manifest.json` names them: what `docker save`, skopeo, podman and kaniko write. */
export function readDockerArchive(archive: Archive): readonly ArchivedImage[] {
  const images = new Map<string, ArchivedImage & { names: string[] }>();
  for (const { Config, RepoTags, Layers } of parseDocument(archive, 'manifest.json', archiveManifestSchema)) {
    const configPath = toArchivePath(Config);
    const layers = (Layers ?? []).map((path) => ({ path: toArchivePath(path) }));
    const key = JSON.stringify([configPath, layers]);
    const present = images.get(key);
    if (present) present.names.push(...(RepoTags ?? []));
    else
      images.set(key, {
        names: [...(RepoTags ?? [])],
        id: Config,
        open() {
          const config = archive.document(configPath);
          const stated = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(configPath)?.[1];
          if (stated && digestOf(config) !== `sha256:${stated}`)
            throw new TypeError(`${configPath} has other bytes than its name says`);
          return { config: () => config, layers };
        },
      });
  }
  return [...images.values()];
}
