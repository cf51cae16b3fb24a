import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { ReadOptions } from '../../model/blob-store.ts';
import type { Digest } from '../../model/pure/ids.ts';
import { DirectoryBlobs as Blobs } from '../../store/directory-blobs.ts';

/** A blob store over a directory, with counters of what was asked of it. */
export class DirectoryBlobs extends Blobs {
  readonly reads: Digest[] = [];

  static async create(directory: string): Promise<DirectoryBlobs> {
    await mkdir(directory, { recursive: true });
    return new DirectoryBlobs(directory);
  }

  async list(): Promise<Digest[]> {
    const names = await readdir(this.directory);
    return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name): Digest => `sha256:${name}`);
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.pathOf(digest));
  }

  /** Puts other bytes under a digest. */
  async damage(digest: Digest, bytes: Buffer): Promise<void> {
    await writeFile(this.pathOf(digest), bytes);
  }

  override async read(digest: Digest, options: ReadOptions = {}): Promise<Readable> {
    const body = await super.read(digest, options);
    this.reads.push(digest);
    return body;
  }
}
