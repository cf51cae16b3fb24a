const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes of a size as `docker run --memory` takes it (`512m`, `1.5g`, `2GiB`, bytes; units are powers of 1024), or undefined when it is none. */
export function parseSizeBytes(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,15}(?:\.\d{1,6})?) ?([kmgt]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  const factor = FACTORS[unit?.toLowerCase() ?? ''];
  if (count === undefined || factor === undefined) return undefined;
  const bytes = Math.floor(Number(count) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
