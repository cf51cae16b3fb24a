import { parseDiskBudget } from './disk-budget.ts';

/** What is kept of a cache mount where nothing else is said. */
export const DEFAULT_MOUNT_LIMIT = '2 GB';

/** Reads how many bytes of a cache mount are kept at most: `2 GB`, `none` (no limit), `off` (nothing); undefined when it is none of these. */
export function parseMountLimit(text: string): number | undefined {
  if (/^\s*off\s*$/i.test(text)) return 0;
  const budget = parseDiskBudget(text);
  if (budget?.kind === 'bytes') return budget.bytes;
  return budget?.kind === 'none' ? Infinity : undefined;
}
