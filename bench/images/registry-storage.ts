import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createS3ObjectStore } from '../../store/s3-object-store.ts';
import type { S3Config } from '../../store/s3-session.ts';
import { KeptObjects } from './kept-objects.ts';

/** Where a registry keeps its blobs. */
export interface RegistryStorage {
  /** The `storage` of the registry's configuration. */
  readonly driver: Readonly<Record<string, unknown>>;
  /** What it has now is what {@link reset} goes back to, and what {@link addedBytes} does not count. */
  mark(): Promise<void>;
  addedBytes(): Promise<number>;
  reset(): Promise<void>;
  close(): void;
}

/** Plain files. */
export async function diskStorage(directory: string): Promise<RegistryStorage> {
  await mkdir(directory, { recursive: true });
  let marked = new Set<string>();
  const added = async (): Promise<readonly string[]> =>
    (await filesBelow(directory)).filter((path) => !marked.has(path));
  return {
    driver: { filesystem: { rootdirectory: directory } },
    async mark() {
      marked = new Set(await filesBelow(directory));
    },
    async addedBytes() {
      const sizes = await Promise.all((await added()).map(async (path) => (await stat(path)).size));
      return sizes.reduce((sum, size) => sum + size, 0);
    },
    async reset() {
      for (const path of await added()) await rm(path);
    },
    close: () => undefined,
  };
}

/** A bucket of the server that Slipway's own store is on. Engines are sent there to read, as is this driver's default. */
export async function s3Storage(store: S3Config): Promise<RegistryStorage> {
  const objects = createS3ObjectStore(store);
  await objects.ensureBucket();
  const kept = new KeptObjects(objects);
  const { bucket, region, endpoint, accessKeyId, secretAccessKey } = store;
  return {
    driver: {
      s3: {
        bucket,
        region,
        regionendpoint: endpoint,
        accesskey: accessKeyId,
        secretkey: secretAccessKey,
        forcepathstyle: true,
        secure: endpoint?.startsWith('https:') ?? true,
      },
    },
    mark: () => kept.mark(),
    addedBytes: () => kept.addedBytes(),
    reset: () => kept.reset(),
    close: () => objects.close(),
  };
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
