import { posix } from 'node:path';
import { z } from 'zod';

const MAX_LAYERS = 1000;

const archiveManifestSchema = z
  .array(z.object({ Config: z.string(), Layers: z.array(z.string()).max(MAX_LAYERS).nullable() }))
  .length(1, 'the tar holds more than one image, or none');

/** Reads `manifest.json` of an image tar. @throws {TypeError} when it is malformed or holds another number of images than one. */
export function parseArchiveManifest(bytes: Buffer): { configPath: string; layerPaths: readonly string[] } {
  const parsed = archiveManifestSchema.safeParse(JSON.parse(bytes.toString('utf8')));
  if (!parsed.success) throw new TypeError(`manifest.json: ${z.prettifyError(parsed.error)}`);
  const [image] = parsed.data;
  return {
    configPath: toArchivePath(image?.Config ?? ''),
    layerPaths: (image?.Layers ?? []).map((path) => toArchivePath(path)),
  };
}

/** A path inside a tar in its one form, without `./`. @throws {TypeError} when it leads out of the tar. */
export function toArchivePath(path: string, relativeTo = ''): string {
  const normal = posix.normalize(posix.join(relativeTo, path)).replace(/\/$/, '');
  if (
    path === '' ||
    path.startsWith('/') ||
    path.includes('\0') ||
    normal === '..' ||
    normal.startsWith('../')
  )
    throw new TypeError(`a path leads out of the tar: ${JSON.stringify(path.slice(0, 200))}`);
  return normal;
}
