const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Bytes in powers of ten, with three digits at most: `0 B`, `12 B`, `1.5 kB`, `199 MB`. */
export function formatBytes(bytes: number): string {
  return format(bytes, { base: 1000, units: UNITS });
}

/** Bytes in powers of two, as limits of memory are written: `64 MiB` of `64m`, `1.5 GiB`. */
export function formatMemory(bytes: number): string {
  return format(bytes, { base: 1024, units: BINARY_UNITS });
}

function format(
  bytes: number,
  { base, units }: { readonly base: number; readonly units: readonly string[] },
): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= base;
    unit += 1;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  const text = value.toFixed(digits);
  return `${base === 1024 ? text.replace(/\.0$/, '') : text} ${units[unit]}`;
}
