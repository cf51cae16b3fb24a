import { stripVTControlCharacters } from 'node:util';
import { printableBesideColours } from '../../../model/printable.ts';

/**
 * Rows as columns that stand below each other, two blanks apart; the last column is not padded. What a terminal would obey is written
 * out, except colours: a cell may hold what others chose.
 */
export function renderTable(cells: readonly (readonly string[])[]): string[] {
  const rows = cells.map((row) => row.map(printableBesideColours));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, visibleLength(cell));
    }
  }
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - visibleLength(cell)),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** Colours take no room. */
function visibleLength(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
