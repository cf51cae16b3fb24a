/** How much of a disk may be taken: so many bytes, a part of the whole disk, or all that there is. */
export type DiskBudget =
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'share'; readonly share: number }
  | { readonly kind: 'none' };

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
  ti: 1024 ** 4,
};

/** Reads `40 GB`, `500MiB`, `30%`, `none` or `0`; undefined when it is none of these. */
export function parseDiskBudget(text: string): DiskBudget | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:(%)|([kmgt]i?)?b?)\s*$/i.exec(text);
  if (/^\s*none\s*$/i.test(text)) return { kind: 'none' };
  if (!match) return undefined;
  const number = Number(match[1]);
  if (number === 0) return { kind: 'none' };
  if (match[2] !== undefined) return number <= 100 ? { kind: 'share', share: number / 100 } : undefined;
  return { kind: 'bytes', bytes: Math.floor(number * (UNITS[(match[3] ?? '').toLowerCase()] ?? 1)) };
}
