import { plainName } from '../../model/image-reference.ts';
import type { ImagePlatform } from '../images/platform-of-image.ts';
import { isForPlatform } from '../images/platform-of-image.ts';
import { readDockerArchive } from './archive-manifest.ts';
import type { ArchivedImage, ImageParts } from './archived-image.ts';
import { isConfigFor, platformOf } from './config-platform.ts';
import { readOciArchive } from './oci-archive.ts';
import type { Archive } from './read-archive.ts';

/**
 * Images as `manifest.json` names them: each for one platform, that of the engine which saved it. Where that is not the wanted one, and
 * the OCI layout in the same archive has all of the image for it, as the containerd store saves what it has for several, it is that one.
 */
export function readForPlatform(archive: Archive, platform: string): readonly ArchivedImage[] {
  const images = readDockerArchive(archive);
  if (!archive.has('index.json')) return images;
  const isOnly = images.length === 1;
  return images.map((image) => ({
    ...image,
    open() {
      const parts = image.open();
      const own = platformIn(parts);
      if (!own) return parts;
      const find = (wanted: string): ImageParts | undefined =>
        findInLayout(archive, image, { platform: wanted, isOnly });
      const other = isForPlatform(own, platform) ? undefined : find(platform);
      if (other) return { ...other, isByPlatform: true };
      return { ...parts, isByPlatform: find(`${own.os}/${own.architecture}`)?.isByPlatform };
    },
  }));
}

function findInLayout(
  archive: Archive,
  { names }: ArchivedImage,
  { platform, isOnly }: { readonly platform: string; readonly isOnly: boolean },
): ImageParts | undefined {
  try {
    const images = readOciArchive(archive, platform);
    const plain = names.map(plainName);
    const same = images.filter((image) => image.names.some((name) => plain.includes(plainName(name))));
    const [image] = isOnly && images.length === 1 ? images : same;
    const parts = image?.open();
    const isWhole = parts?.layers.every(({ path }) => archive.has(path)) ?? false;
    return parts && isWhole && isConfigFor(parts.config([]), platform) ? parts : undefined;
  } catch {
    // The layout may name other platforms than it holds; what `manifest.json` names is there.
    return undefined;
  }
}

/** Whoever takes the image says better what is wrong with a config that is none. */
function platformIn({ config }: ImageParts): ImagePlatform | undefined {
  try {
    return platformOf(config([]));
  } catch {
    return undefined;
  }
}
