import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BlobStat, BlobStore, ReadOptions } from '../../model/blob-store.ts';
import { BlobNotFound, DigestMismatch } from '../../model/errors.ts';
import type { Digest } from '../../model/pure/ids.ts';

/** A blob store over a directory, with counters of what was asked of it. */
export class DirectoryBlobs implements BlobStore {
  readonly directory: string;
  readonly reads: Digest[] = [];

  constructor(directory: string) {
    this.directory = directory;
  }

  static async create(directory: string): Promise<DirectoryBlobs> {
    await mkdir(directory, { recursive: true });
    return new DirectoryBlobs(directory);
  }

  async list(): Promise<Digest[]> {
    const names = await readdir(this.directory);
    return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name): Digest => `sha256:${name}`);
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.#path(digest));
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const found = await stat(this.#path(digest)).catch(() => undefined);
    return found && { digest, sizeBytes: found.size };
  }

  claim(digest: Digest): Promise<BlobStat | undefined> {
    return this.stat(digest);
  }

  async read(digest: Digest, { start = 0, signal }: ReadOptions = {}): Promise<Readable> {
    if (!(await this.stat(digest))) throw new BlobNotFound(digest);
    this.reads.push(digest);
    return createReadStream(this.#path(digest), { start, ...(signal ? { signal } : {}) });
  }

  async write(
    digest: Digest,
    sizeBytes: number,
    body: Readable | Buffer,
    signal?: AbortSignal,
  ): Promise<'written' | 'present'> {
    if (await this.stat(digest)) return 'present';
    const source = Buffer.isBuffer(body) ? Readable.from([body]) : body;
    const written = await this.writeUnknown(source, {
      expected: () => digest,
      ...(signal ? { signal } : {}),
    });
    if (written.sizeBytes !== sizeBytes)
      throw new DigestMismatch(`Size of ${digest}`, String(sizeBytes), String(written.sizeBytes));
    return written.outcome;
  }

  async writeUnknown(
    body: Readable,
    options: { readonly expected?: () => Promise<Digest> | Digest; readonly signal?: AbortSignal } = {},
  ): Promise<BlobStat & { readonly outcome: 'written' | 'present' }> {
    const temporary = join(this.directory, randomUUID());
    const hash = createHash('sha256');
    let sizeBytes = 0;
    try {
      await pipeline(
        body,
        async function* (source: AsyncIterable<Buffer>) {
          for await (const chunk of source) {
            hash.update(chunk);
            sizeBytes += chunk.length;
            yield chunk;
          }
        },
        createWriteStream(temporary),
        options.signal ? { signal: options.signal } : {},
      );
      const digest: Digest = `sha256:${hash.digest('hex')}`;
      const expected = await options.expected?.();
      if (expected && expected !== digest) throw new DigestMismatch('Blob', expected, digest);
      const outcome = (await this.stat(digest)) ? 'present' : 'written';
      if (outcome === 'written') await rename(temporary, this.#path(digest));
      return { digest, sizeBytes, outcome };
    } finally {
      await rm(temporary, { force: true });
    }
  }

  #path(digest: Digest): string {
    return join(this.directory, digest.slice('sha256:'.length));
  }
}
