import type { S3ObjectStore } from '../../store/s3-object-store.ts';

/** What a bucket has beyond a moment that was marked. */
export class KeptObjects {
  readonly #objects: S3ObjectStore;
  #marked = new Set<string>();

  constructor(objects: S3ObjectStore) {
    this.#objects = objects;
  }

  async mark(): Promise<void> {
    this.#marked = new Set((await this.#all()).map(({ key }) => key));
  }

  async addedBytes(): Promise<number> {
    return (await this.#added()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  async reset(): Promise<void> {
    await this.#objects.delete((await this.#added()).map(({ key }) => key));
  }

  async #added(): Promise<readonly { key: string; sizeBytes: number }[]> {
    return (await this.#all()).filter(({ key }) => !this.#marked.has(key));
  }

  async #all(): Promise<{ key: string; sizeBytes: number }[]> {
    const found: { key: string; sizeBytes: number }[] = [];
    for await (const { key, sizeBytes } of this.#objects.list('')) found.push({ key, sizeBytes });
    return found;
  }
}
