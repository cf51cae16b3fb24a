import { join } from 'node:path';
import { openCheckout } from '../../source/git-source.ts';
import type { SourceTree } from '../../model/source-tree.ts';
import type { GitRepository, RepositoryFile } from './git-repository.ts';

export type TreeFiles = Readonly<Record<string, RepositoryFile>>;

export interface CheckedOutTree {
  /** As it lies on the disk. */
  readonly directory: string;
  /** As git keeps it. */
  readonly tree: SourceTree;
}

/** Many trees in one repository, side by side, each below its name: hardly dearer than one. Each has a `slipway.yml`, so none is empty. */
export function checkOutTrees(
  repository: GitRepository,
  trees: ReadonlyMap<string, TreeFiles>,
): Map<string, CheckedOutTree> {
  const placed = [...trees].flatMap(([name, files]) =>
    Object.entries({ 'slipway.yml': 'version: 1\n', ...files }).map(([path, file]) => [
      `${name}/${path}`,
      file,
    ]),
  );
  repository.commit(Object.fromEntries(placed) as TreeFiles);
  const listed = repository.git('ls-tree', 'HEAD').split('\n');
  return new Map(
    listed.map((line) => {
      const [, , treeId = '', name = ''] = line.split(/[ \t]/);
      const tree = openCheckout(repository.directory, treeId);
      return [name, { directory: join(repository.directory, name), tree }];
    }),
  );
}
