import { plainName } from '../../model/image-reference.ts';
import type { Digest } from '../../model/pure/ids.ts';

/** One image of an archive, as far as its documents tell: nothing of it is believed before its bytes were seen. */
export interface ArchivedImage {
  /** `lint:latest`, as written. */
  readonly names: readonly string[];
  /** For people, when it has no name. */
  readonly id: string;
  /** Reads the documents that describe it. @throws {TypeError} */
  open(): ImageParts;
}

export interface ImageParts {
  /** The config, of what the layers turned out to unpack to where the archive has none. */
  readonly config: (diffIds: readonly Digest[]) => Buffer;
  /** Lowest first. */
  readonly layers: readonly {
    readonly path: string;
    /** What the archive says of the file. */
    readonly stated?: { readonly digest: Digest; readonly sizeBytes: number };
  }[];
  /** Chosen for the wanted platform: for another one the archive may have others. */
  readonly isByPlatform?: boolean | undefined;
}

const NAMES_SHOWN = 10;

/** The image of that name, or the only one. @throws {TypeError} naming those that are there. */
export function chooseImage(images: readonly ArchivedImage[], name: string | undefined): ArchivedImage {
  const wanted =
    name === undefined ? images : images.filter(({ names }) => names.some((n) => isName(n, name)));
  const [first, second] = wanted;
  if (first && !second) return first;
  const all = images.map(({ names, id }) => (names.length > 0 ? names.join(', ') : id));
  const shown = all.slice(0, NAMES_SHOWN).join('; ') + (all.length > NAMES_SHOWN ? '; …' : '');
  if (images.length === 0) throw new TypeError('it holds no image');
  if (name === undefined)
    throw new TypeError(`it holds ${images.length} images, and none of them is named: ${shown}`);
  if (first) throw new TypeError(`it holds several images named ${name}: ${shown}`);
  throw new TypeError(`it holds no image named ${name}, but: ${shown}`);
}

/**
 * The images that somebody can choose, each with the plain names that are its alone; one that is the only one needs none.
 * @throws {TypeError} when there is none, naming those that are there.
 */
export function choosableImages(
  images: readonly ArchivedImage[],
): readonly { readonly image: ArchivedImage; readonly names: readonly string[] }[] {
  const named = images.map((image) => ({ image, names: [...new Set(image.names.map(plainName))] }));
  const counts = new Map<string, number>();
  for (const name of named.flatMap(({ names }) => names)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const choosable = named
    .map(({ image, names }) => ({ image, names: names.filter((name) => counts.get(name) === 1) }))
    .filter(({ names }) => names.length > 0 || images.length === 1);
  if (choosable.length === 0) chooseImage(images, undefined);
  return choosable;
}

function isName(written: string, wanted: string): boolean {
  return plainName(written) === plainName(wanted);
}
