import type { LocalRepository } from '../local-repository.ts';
import type { Terminal } from './terminal.ts';

/** Only what is committed counts; says so when tracked files of a checkout differ from it. */
export async function warnDirty(local: LocalRepository | undefined, terminal: Terminal): Promise<void> {
  if (!local || local.isBare) return;
  const { dirtyFiles } = await import('../../source/checkout.ts');
  const files = await dirtyFiles(local.directory);
  if (files.length === 0) return;
  const shown = files.slice(0, 3).join(', ');
  const more = files.length > 3 ? ` and ${files.length - 3} more` : '';
  terminal.note(`slipway: not committed, so not looked at: ${shown}${more}`);
}
