import { realpath, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { openCheckout } from '../../source/checkout.ts';
import { CONFIG_FILE, describeNoConfig } from '../../steps/config-file.ts';
import type { OpenRevision } from './open-revision.ts';

/** Why a revision has no slipway.yml, for people: one that was just written is not committed yet, and one where they stand is not looked for. */
export async function explainNoConfig(
  { local, tree }: Pick<OpenRevision, 'local' | 'tree'>,
  signal?: AbortSignal,
): Promise<string> {
  if (!local || local.isBare) return describeNoConfig(tree, signal);
  // In an older revision it may be missing with good reason.
  const isWritten = await isFile(join(local.directory, CONFIG_FILE));
  if (isWritten && !(await openCheckout(local.directory, 'HEAD').find(CONFIG_FILE, signal)))
    return `${CONFIG_FILE} is there but not committed. Type: git add ${CONFIG_FILE} && git commit`;
  const below = isWritten ? undefined : await findBelow(local.directory);
  const missing = await describeNoConfig(tree, signal);
  return below === undefined ? missing : `${missing}. There is ${below}; it counts only at the root`;
}

/** The nearest one of the directories from where a person stands up to the root. */
async function findBelow(root: string): Promise<string | undefined> {
  const here = relative(await realpath(root), process.cwd());
  if (here === '..' || here.startsWith('../')) return undefined;
  for (let directory = here; directory !== '' && directory !== '.'; directory = dirname(directory)) {
    const path = join(directory, CONFIG_FILE);
    if (await isFile(join(root, path))) return path;
  }
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
