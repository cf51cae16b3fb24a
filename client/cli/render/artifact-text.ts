import { printable } from '../../../model/printable.ts';
import type { ListedArtifact } from '../../api.ts';
import { formatBytes } from './quantities.ts';
import { renderTable } from './table.ts';

/** One line for each artifact. Names are the task's to choose: what a terminal would obey is written out. */
export function renderArtifacts(listed: readonly ListedArtifact[]): string[] {
  return renderTable(
    listed.map(({ run, name, sizeBytes, contentType }) => [
      run === undefined ? 'task' : `run ${run}`,
      printable(name),
      sizeBytes === undefined ? 'as it streams' : formatBytes(sizeBytes),
      printable(contentType),
    ]),
  );
}
