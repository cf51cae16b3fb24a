import { buffer } from 'node:stream/consumers';
import { decodePath } from '../model/path-bytes.ts';
import type { Located, TreeEntryKind } from '../model/source-tree.ts';
import type { ReaderPool } from './reader-pool.ts';

const SPACE = 32;

/** Finds what stands at single paths, reading only the directories on the way, each once. */
export class TreeWalk {
  readonly #readers: ReaderPool;
  readonly #root: string;
  readonly #directories = new Map<string, Promise<Directory>>();

  /** The root is anything that git knows as a tree. */
  constructor(readers: ReaderPool, root: string) {
    this.#readers = readers;
    this.#root = root;
  }

  /** Rejects with {@link ForbiddenName} when a directory on the way holds a name that no checkout would have, and when it cannot be read. */
  async locate(path: string): Promise<Located | undefined> {
    const { objectId } = await this.#read(this.#root);
    let found: Located = { kind: 'directory', objectId };
    for (const segment of path === '' ? [] : path.split('/')) {
      if (found.kind !== 'directory') return undefined;
      const { entries } = await this.#read(found.objectId === objectId ? this.#root : found.objectId);
      const next = entries.get(segment);
      if (!next) return undefined;
      found = next;
    }
    return found;
  }

  #read(name: string): Promise<Directory> {
    const known = this.#directories.get(name);
    if (known) return known;
    const reading = this.#readDirectory(name);
    this.#directories.set(name, reading);
    reading.catch(() => this.#directories.delete(name));
    return reading;
  }

  async #readDirectory(name: string): Promise<Directory> {
    for await (const object of this.#readers.read([name])) {
      if (!object) break;
      const { objectId, body } = object;
      return { objectId, entries: parseTree(await buffer(body), objectId.length / 2) };
    }
    throw new Error(`${name} is missing`);
  }
}

/** A name that git itself refuses to check out. */
export class ForbiddenName extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`Forbidden path "${path}"`);
    this.path = path;
  }
}

/** Whether git refuses to check out a path because of one of its segments. */
export function isForbidden(path: string): boolean {
  return /(^|\/)(\.\.?|\.git)?(\/|$)/i.test(path);
}

/** Old repositories hold other permissions than 644 and 755; git checks them out by the owner's execute bit. */
export function kindOf(mode: number): TreeEntryKind | 'directory' {
  const type = mode & 0o170000;
  if (type === 0o040000) return 'directory';
  if (type === 0o120000) return 'symlink';
  if (type === 0o160000) return 'submodule';
  return mode & 0o100 ? 'executable' : 'file';
}

interface Directory {
  readonly objectId: string;
  readonly entries: ReadonlyMap<string, Located>;
}

/** Takes git's `<mode> <name>\0<id>` apart. */
function parseTree(content: Buffer, idBytes: number): ReadonlyMap<string, Located> {
  const entries = new Map<string, Located>();
  for (let start = 0; start < content.length;) {
    const space = content.indexOf(SPACE, start);
    const end = content.indexOf(0, space);
    const name = decodePath(content.subarray(space + 1, end));
    if (name.includes('/') || isForbidden(name)) throw new ForbiddenName(name);
    const kind = kindOf(Number.parseInt(content.toString('latin1', start, space), 8));
    start = end + 1 + idBytes;
    entries.set(name, { kind, objectId: content.toString('hex', end + 1, start) });
  }
  return entries;
}
