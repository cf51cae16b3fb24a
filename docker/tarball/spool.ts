import { randomUUID } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

const CHUNK_BYTES = 256 * 1024;

/**
 * Keeps bytes on the disk as they pass, to be read once more. Its file has no name, so that nothing is left of it however the
 * process ends. A disk that does not take them is no error: then there is nothing to be read.
 */
export class Spool implements AsyncDisposable {
  #file: FileHandle | undefined;
  /** Closing the file under a write that has not begun would let it go into whatever gets the number next. */
  #going: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle | undefined) {
    this.#file = file;
  }

  static async open(directory: string): Promise<Spool> {
    return new Spool(await openNameless(directory).catch(() => undefined));
  }

  async *keep(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of body) {
      await this.#write(chunk);
      yield chunk;
    }
  }

  /** What has passed; undefined when it could not be kept. */
  read(): AsyncGenerator<Buffer> | undefined {
    return this.#file && this.#chunks();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await this.#going;
    await file?.close();
  }

  async #write(chunk: Buffer): Promise<void> {
    const file = this.#file;
    if (!file) return;
    const writing = file.writeFile(chunk).then(
      () => true,
      () => false,
    );
    this.#going = writing;
    if (!(await writing)) await this[Symbol.asyncDispose]();
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; this.#file;) {
      const reading = this.#file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, at);
      this.#going = reading.catch(() => undefined);
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
}

async function openNameless(directory: string): Promise<FileHandle> {
  const path = join(directory, `slipway-layer-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
