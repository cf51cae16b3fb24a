import { buffer } from 'node:stream/consumers';
import { tarEnd, tarHeader, tarPadding, tarTime } from '../model/gnu-tar.ts';
import type { TarEntry } from '../model/gnu-tar.ts';
import { encodePath } from '../model/path-bytes.ts';
import type { SourceTree } from '../model/source-tree.ts';

/** A directory, or a file with its content, that is no part of the tree. */
export interface FurtherEntry {
  readonly path: string;
  /** Absent: a directory. */
  readonly content?: { readonly sizeBytes: number; readonly body: AsyncIterable<Buffer> };
}

export interface TreeArchiveOptions {
  /** The time of all entries. */
  readonly dated: Date;
  /** What comes before the tree, directories before what is in them. */
  readonly first?: AsyncIterable<FurtherEntry> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a tar of a whole tree as a checkout would have it: directories 0755, files 0644 or 0755, links, and an
 * empty directory for a submodule. Not `git archive`: that obeys export-ignore, export-subst and eol attributes.
 */
export async function* treeArchive(
  tree: SourceTree,
  { dated, first, signal }: TreeArchiveOptions,
): AsyncGenerator<Buffer, void> {
  let writtenBytes = 0;
  const count = (bytes: Buffer): Buffer => {
    writtenBytes += bytes.length;
    return bytes;
  };
  const time = tarTime(dated);
  const mtimeSeconds = Math.floor(dated.getTime() / 1000);
  const header = (
    path: string,
    fields: Pick<TarEntry, 'mode' | 'type'> & Partial<Pick<TarEntry, 'linkName' | 'sizeBytes'>>,
  ): Buffer => {
    const itsOwn = tarHeader({ sizeBytes: 0, mtimeSeconds, ...fields, name: encodePath(path) });
    return count(Buffer.concat([time, itsOwn]));
  };

  for await (const { path, content } of first ?? []) {
    if (!content) {
      yield header(`${path}/`, { mode: 0o755, type: 'directory' });
      continue;
    }
    const { sizeBytes, body } = content;
    yield header(path, { mode: 0o644, type: 'file', sizeBytes });
    for await (const chunk of body) yield count(chunk);
    yield count(tarPadding(sizeBytes));
  }
  const entries = await tree.list('', signal);
  for (const path of directoriesOf(entries)) yield header(`${path}/`, { mode: 0o755, type: 'directory' });
  const withContent = entries.filter((entry) => entry.kind !== 'submodule');
  for await (const { entry, sizeBytes, body } of tree.readMany(withContent, signal)) {
    if (entry.kind === 'symlink') {
      yield header(entry.path, { mode: 0o777, type: 'symlink', linkName: await buffer(body) });
      continue;
    }
    yield header(entry.path, { mode: entry.kind === 'executable' ? 0o755 : 0o644, type: 'file', sizeBytes });
    for await (const chunk of body) yield count(chunk as Buffer);
    yield count(tarPadding(sizeBytes));
  }
  yield tarEnd(writtenBytes);
}

/** Every directory that holds an entry, parents first. */
function directoriesOf(entries: Awaited<ReturnType<SourceTree['list']>>): ReadonlySet<string> {
  const directories = new Set<string>();
  for (const { path, kind } of entries) {
    const segments = path.split('/');
    const depth = kind === 'submodule' ? segments.length : segments.length - 1;
    for (let length = 1; length <= depth; length += 1) directories.add(segments.slice(0, length).join('/'));
  }
  return directories;
}
