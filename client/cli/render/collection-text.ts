import type { CollectionReport } from '../../../model/schema/collection.ts';
import { formatBytes } from './quantities.ts';
import { renderTable } from './table.ts';

/** What a collection has kept and freed, as lines for people. */
export function renderCollection(report: CollectionReport): readonly string[] {
  const { level, dryRun, kinds, blobs, damaged } = report;
  const of = ({ objects, bytes }: { objects: number; bytes: number }): string =>
    objects === 0 ? '-' : `${objects} (${formatBytes(bytes)})`;
  const rows = kinds.flatMap(({ kind, kept, freed, why }) => [
    [`  ${kind}`, of(kept), of(freed), ''],
    ...Object.entries(why).map(([reason, sum]) => ['', '', '', `${of(sum)} ${reason}`]),
  ]);
  return [
    `Level ${level}${dryRun ? ', dry run: nothing is taken away' : ''}`,
    ...renderTable([['', 'kept', dryRun ? 'would be freed' : 'freed', ''], ...rows]),
    ...(blobs === 'collected' ? [] : [`  blobs: ${blobs}`]),
    ...(damaged.count === 0
      ? []
      : [`  ${damaged.count} cannot be read, so what they name may be freed: ${damaged.first.join(', ')}`]),
  ];
}
