import { buffer } from 'node:stream/consumers';
import { tarEnd, tarHeader, tarPadding } from '../model/gnu-tar.ts';
import type { TarEntry } from '../model/gnu-tar.ts';
import { encodePath } from '../model/path-bytes.ts';
import type { SourceTree } from '../model/source-tree.ts';

/**
 * The bytes of a tar of a whole tree as a checkout would have it: directories 0755, files 0644 or 0755, links, and an
 * empty directory for a submodule. Not `git archive`: that obeys export-ignore, export-subst and eol attributes.
 */
export async function* treeArchive(
  tree: SourceTree,
  mtimeSeconds: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void> {
  let writtenBytes = 0;
  const count = (bytes: Buffer): Buffer => {
    writtenBytes += bytes.length;
    return bytes;
  };
  const header = (
    path: string,
    fields: Pick<TarEntry, 'mode' | 'type'> & Partial<Pick<TarEntry, 'linkName' | 'sizeBytes'>>,
  ): Buffer => count(tarHeader({ sizeBytes: 0, mtimeSeconds, ...fields, name: encodePath(path) }));

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
