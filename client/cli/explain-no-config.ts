import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openCheckout } from '../../source/checkout.ts';
import { CONFIG_FILE, describeNoConfig } from '../../steps/config-file.ts';
import type { OpenRevision } from './open-revision.ts';

/** Why a revision has no slipway.yml, for people: one that was just written is not committed yet. */
export async function explainNoConfig(
  { local, tree }: Pick<OpenRevision, 'local' | 'tree'>,
  signal?: AbortSignal,
): Promise<string> {
  if (!local || local.isBare || !(await isFile(join(local.directory, CONFIG_FILE))))
    return describeNoConfig(tree, signal);
  // In an older revision it may be missing with good reason.
  if (await openCheckout(local.directory, 'HEAD').find(CONFIG_FILE, signal))
    return describeNoConfig(tree, signal);
  return `${CONFIG_FILE} is there but not committed. Type: git add ${CONFIG_FILE} && git commit`;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
