import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { comparePaths, encodePath } from '../../model/path-bytes.ts';
import type { SourceTree, TreeEntry } from '../../model/source-tree.ts';

/** A file's content, or what else may stand at a path. An empty directory is nothing that a tree could hold. */
export type MemoryFile =
  | string
  | Buffer
  | { readonly executable: string | Buffer }
  | { readonly link: string }
  | 'submodule:'
  | 'directory:';

/** A tree of files held in memory: `memoryTree({ 'a/b': 'text', run: { executable: '#!' }, l: { link: 'a/b' } })`. */
export function memoryTree(
  files: Readonly<Record<string, MemoryFile>>,
  revision = '1'.repeat(40),
): SourceTree {
  const contents = new Map<string, Buffer>();
  const entries = Object.entries(files)
    .filter(([, file]) => file !== 'directory:')
    .map(([path, file]): TreeEntry => {
      const [kind, content] = take(file);
      const objectId = createHash('sha1').update(content).digest('hex');
      contents.set(objectId, content);
      return { path, kind, objectId };
    })
    .sort((a, b) => comparePaths(a.path, b.path));
  const find = (path: string): TreeEntry | undefined => entries.find((entry) => entry.path === path);
  return {
    revision,
    list: (directory) =>
      Promise.resolve(entries.filter((entry) => directory === '' || entry.path.startsWith(`${directory}/`))),
    find: (path) => Promise.resolve(find(path)),
    locate: (path) => {
      const below = entries.filter((entry) => path === '' || entry.path.startsWith(`${path}/`));
      const objectId = createHash('sha1')
        .update(JSON.stringify([path, below]))
        .digest('hex');
      const directory = below.length > 0 ? ({ kind: 'directory', objectId } as const) : undefined;
      return Promise.resolve(find(path) ?? directory);
    },
    readFile: (path) => {
      const entry = find(path);
      return Promise.resolve(entry && contents.get(entry.objectId));
    },
    async *readMany(wanted) {
      for (const entry of wanted) {
        const content = contents.get(entry.objectId);
        if (!content) throw new Error(`The content of ${entry.path} is not in this tree`);
        yield await Promise.resolve({ entry, sizeBytes: content.length, body: Readable.from([content]) });
      }
    },
    archive: () => {
      throw new Error('A tree in memory makes no archive');
    },
  };
}

function take(file: MemoryFile): [TreeEntry['kind'], Buffer] {
  if (file === 'submodule:') return ['submodule', Buffer.alloc(0)];
  if (typeof file === 'string') return ['file', Buffer.from(file)];
  if (Buffer.isBuffer(file)) return ['file', file];
  if ('link' in file) return ['symlink', encodePath(file.link)];
  return ['executable', Buffer.from(file.executable)];
}
