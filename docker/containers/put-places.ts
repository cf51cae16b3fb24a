import { posix } from 'node:path';
import type Docker from 'dockerode';
import { PathUnusable } from '../../model/errors.ts';
import { resolvePath } from './archive-path.ts';
import type { FileToPut } from './put-files.ts';

/** An entry of an archive: a file, or a directory that is not there yet, before what is in it. */
export type Entry = FileEntry | { readonly name: string; readonly file?: undefined };

export interface FileEntry {
  readonly name: string;
  readonly file: FileToPut;
  /** Its directory was there before. */
  readonly isBeside: boolean;
}

/** What is extracted at one directory that is there. */
export interface Place {
  readonly root: string;
  readonly entries: Entry[];
}

interface Branch {
  readonly path: string;
  readonly files: Map<string, FileToPut>;
  readonly directories: Map<string, Branch>;
}

/**
 * Where in a container files and directories go, so that nothing that is there is made anew: one place for all, and one more for each
 * symlink on the way that leads to a directory. Asks only about directories whose own directory is there.
 * @throws {PathUnusable} when something else is where a directory is needed.
 */
export async function placesFor(
  container: Docker.Container,
  wanted: { readonly files: readonly FileToPut[]; readonly directories: readonly string[] },
  signal: AbortSignal,
): Promise<readonly Place[]> {
  const places = new Map<string, Place>();
  const placeAt = (root: string): Place => {
    const place = places.get(root) ?? { root, entries: [] };
    places.set(root, place);
    return place;
  };
  async function layOut(branch: Branch, place: Place, prefix: string, isThere: boolean): Promise<void> {
    for (const [name, file] of branch.files)
      place.entries.push({ name: prefix + name, file, isBeside: isThere });
    for (const [name, below] of branch.directories) {
      const path = posix.join(place.root, prefix, name);
      const found = isThere ? await resolvePath(container, path, signal) : undefined;
      if (found && found.stat.type !== 'directory')
        throw new PathUnusable(anyIn(below), `${path} is not a directory`);
      if (found && found.path !== path) {
        await layOut(below, placeAt(found.path), '', true);
        continue;
      }
      if (!found) place.entries.push({ name: `${prefix}${name}/` });
      await layOut(below, place, `${prefix}${name}/`, found !== undefined);
    }
  }
  await layOut(treeOf(wanted), placeAt('/'), '', true);
  return [...places.values()].filter(({ entries }) => entries.length > 0);
}

function treeOf({
  files,
  directories,
}: {
  readonly files: readonly FileToPut[];
  readonly directories: readonly string[];
}): Branch {
  const root: Branch = { path: '/', files: new Map(), directories: new Map() };
  const branchAt = (directory: string, wanted: string): Branch => {
    let at = root;
    for (const name of posix.resolve('/', directory).split('/').filter(Boolean)) {
      const path = posix.join(at.path, name);
      if (at.files.has(name)) throw new PathUnusable(wanted, `${path} is not a directory`);
      const below = at.directories.get(name) ?? { path, files: new Map(), directories: new Map() };
      at.directories.set(name, below);
      at = below;
    }
    return at;
  };
  for (const file of files) {
    const name = posix.basename(file.path);
    const branch = branchAt(posix.dirname(file.path), file.path);
    if (branch.directories.has(name)) throw new PathUnusable(file.path, 'a directory is there, not a file');
    branch.files.set(name, file);
  }
  for (const directory of directories) branchAt(directory, directory);
  return root;
}

/** The path of something that is to be in a directory, or its own. */
function anyIn({ path, files, directories }: Branch): string {
  const [file] = files.values();
  const [below] = directories.values();
  return file?.path ?? (below ? anyIn(below) : path);
}
