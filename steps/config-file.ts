import { InvalidInput } from '../model/errors.ts';
import type { SourceTree } from '../model/source-tree.ts';

export const CONFIG_FILE = 'slipway.yml';

/** What the file is called by mistake. */
const OTHER_NAMES = ['slipway.yaml', '.slipway.yml', '.slipway.yaml'];

/**
 * The bytes of a tree's slipway.yml; undefined when there is none. @throws {InvalidInput} when it is a link: what it leads to
 * is another file, or none of the tree.
 */
export async function readConfigFile(tree: SourceTree, signal?: AbortSignal): Promise<Buffer | undefined> {
  const content = await tree.readFile(CONFIG_FILE, signal);
  if (content === undefined) return undefined;
  if ((await tree.find(CONFIG_FILE, signal))?.kind !== 'symlink') return content;
  throw new InvalidInput([
    {
      severity: 'error',
      file: CONFIG_FILE,
      line: 1,
      column: 1,
      message: `is a link to "${content.toString()}", and links are not followed`,
      hint: 'commit the file itself',
    },
  ]);
}

/** That a tree has no slipway.yml, and what it may have instead of it. */
export async function describeNoConfig(tree: SourceTree, signal?: AbortSignal): Promise<string> {
  const missing = `No ${CONFIG_FILE} at the root of ${tree.revision}: nothing to do`;
  for (const other of OTHER_NAMES)
    if (await tree.find(other, signal))
      return `${missing}. There is ${other}: did you mean that? It must be called ${CONFIG_FILE}`;
  return missing;
}
