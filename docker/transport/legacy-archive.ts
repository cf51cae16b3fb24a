import { z } from 'zod';
import type { Digest } from '../../model/pure/ids.ts';
import type { ArchivedImage, ImageParts } from './archived-image.ts';
import { toArchivePath } from './archive-path.ts';
import { parseDocument } from './parse-document.ts';
import type { Archive } from './read-archive.ts';

const repositoriesSchema = z.record(z.string(), z.record(z.string(), z.string()));

const layerSchema = z.object({
  parent: z.string().optional(),
  created: z.string().optional(),
  author: z.string().optional(),
  architecture: z.string().optional(),
  os: z.string().optional(),
  config: z.record(z.string(), z.unknown()).nullish(),
  container_config: z.object({ Cmd: z.array(z.string()).nullish() }).nullish(),
});
type LegacyLayer = z.infer<typeof layerSchema>;

const MAX_LAYERS = 1000;

/** Images as engines saved them before 1.10: `repositories`, and for each layer its tar and a document that names its parent. */
export function readLegacyArchive(archive: Archive): readonly ArchivedImage[] {
  const names = new Map<string, string[]>();
  for (const [repository, tags] of Object.entries(parseDocument(archive, 'repositories', repositoriesSchema)))
    for (const [tag, id] of Object.entries(tags))
      names.set(id, [...(names.get(id) ?? []), `${repository}:${tag}`]);
  return [...names].map(([id, of]) => ({ names: of, id, open: () => openImage(archive, id) }));
}

function openImage(archive: Archive, top: string): ImageParts {
  const chain: { readonly id: string; readonly layer: LegacyLayer }[] = [];
  for (let id: string | undefined = top; id !== undefined && id !== ''; id = chain[0]?.layer.parent) {
    if (chain.length >= MAX_LAYERS) throw new TypeError('its layers name one another without an end');
    chain.unshift({ id, layer: parseDocument(archive, toArchivePath(`${id}/json`), layerSchema) });
  }
  return {
    config: (diffIds) =>
      configOf(
        chain.map(({ layer }) => layer),
        diffIds,
      ),
    layers: chain.map(({ id }) => ({ path: toArchivePath(`${id}/layer.tar`) })),
  };
}

/** Such an image has no config of its own: it is made of what its uppermost layer says, the same each time. */
function configOf(layers: readonly LegacyLayer[], diffIds: readonly Digest[]): Buffer {
  const top = layers.at(-1);
  const { created, author, architecture = 'amd64', os = 'linux', config } = top ?? {};
  return Buffer.from(
    JSON.stringify({
      ...(created === undefined ? {} : { created }),
      ...(author === undefined ? {} : { author }),
      architecture,
      os,
      config: config ?? {},
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: layers.map((layer) => ({
        ...(layer.created === undefined ? {} : { created: layer.created }),
        created_by: (layer.container_config?.Cmd ?? []).join(' '),
      })),
    }),
  );
}
