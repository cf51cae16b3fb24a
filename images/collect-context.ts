import type { Finding } from '../model/findings.ts';
import type { SourceTree, TreeEntry } from '../model/source-tree.ts';
import { ContextFiles } from './context-files.ts';
import type { OpenedDockerfile } from './open-dockerfile.ts';
import { TreeIndex } from './tree-index.ts';

export interface CollectedContext {
  /** Name in the context to the file of the tree that stands there. */
  readonly files: ReadonlyMap<string, TreeEntry>;
  /** Names of files that were reached by a link, with the link's path in the tree. */
  readonly links: ReadonlyMap<string, string>;
  /** Links to directories, and submodules, which a context leaves out, by their paths in the tree, each once. */
  readonly leftOut: readonly string[];
  readonly findings: readonly Finding[];
  /** Places of the tree that all this depends on: what stands there, or everything below. Where they are the same, so is this. */
  readonly looked: ReadonlyMap<string, 'at' | 'below'>;
}

/** Finds what belongs to a build context, and every mistake in that. Of contents only links are read. */
export async function collectContext(
  tree: SourceTree,
  { directory, path, includes }: Pick<OpenedDockerfile, 'directory' | 'path' | 'includes'>,
  signal?: AbortSignal,
): Promise<CollectedContext> {
  const looked = new Map<string, 'at' | 'below'>();
  const index = new TreeIndex(tree, {
    signal,
    onLook: (place, how) => {
      if (looked.get(place) !== 'below') looked.set(place, how);
    },
  });
  const context = new ContextFiles(index);
  await context.addDirectory(directory, (name) => name);
  for (const include of includes) await context.addInclude(include, path);
  const { files, links, findings } = context;
  return { files, links, leftOut: [...new Set(context.leftOut)], findings, looked };
}
