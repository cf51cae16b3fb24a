import { copyFile, stat, truncate } from 'node:fs/promises';

const MAX_BYTES = 16 * 1024 ** 2;

/**
 * Moves what a log holds to `<path>.1` when it has become long. The process that writes it keeps its file and goes on at
 * the beginning, since it appends. Lines that come in between may be lost, which a log of a service can bear.
 */
export async function boundLog(path: string, maxBytes = MAX_BYTES): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found || found.size <= maxBytes) return;
  await copyFile(path, `${path}.1`);
  await truncate(path);
}
