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

/** Tools write names in full or not, with the tag or alone. */
function isName(written: string, wanted: string): boolean {
  return fullName(written) === fullName(wanted) || written === wanted;
}

function fullName(name: string): string {
  const path = name.replace(/^(docker\.io|localhost)\//, '').replace(/^library\//, '');
  return /:[^/]*$/.test(path) ? path : `${path}:latest`;
}
