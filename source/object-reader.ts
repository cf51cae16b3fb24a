import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { RepositoryUnavailable } from '../model/errors.ts';
import { AheadReader } from './ahead-reader.ts';
import { gitArguments, gitEnvironment } from './git-command.ts';

export interface GitObject {
  /** In full, however it was asked for. */
  readonly objectId: string;
  readonly sizeBytes: number;
  readonly body: Readable;
}

/** A content of at most this many bytes is read before it is handed out. */
const WHOLE_BYTES = 256 * 1024;
/** Git's last words, which say why it ended. */
const SAID_MAX_LENGTH = 1000;
const LINE_FEED = 10;

/**
 * One `git cat-file --batch`: objects asked for in a row, streamed with flat memory. Serves one `read` at a time. When git ends early
 * that and its bodies fail with {@link RepositoryUnavailable}, which names the repository as given.
 */
export class ObjectReader {
  readonly #repository: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #chunks: AheadReader;
  readonly #ended: Promise<void>;
  #rest: Buffer = Buffer.alloc(0);
  #failure: unknown;
  #said = '';
  #closed = false;

  constructor(directory: string, repository: string) {
    this.#repository = repository;
    this.#child = spawn('git', gitArguments(directory, ['cat-file', '--batch']), {
      env: gitEnvironment([]),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#ended = new Promise((resolve) => {
      for (const event of ['close', 'error'] as const) this.#child.once(event, () => resolve());
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-SAID_MAX_LENGTH);
    });
    this.#child.on('error', (error) => (this.#failure = error));
    this.#child.stdin.on('error', (error) => (this.#failure ??= error));
    this.#chunks = new AheadReader(this.#child.stdout);
  }

  /** Yields the objects in the given order, undefined for one that the repository lacks. A body that was not consumed is skipped. */
  async *read(objectIds: readonly string[]): AsyncGenerator<GitObject | undefined, void> {
    // Asked for at once: git answers while earlier contents are still being read here.
    this.#child.stdin.write(objectIds.map((id) => `${id}\n`).join(''));
    for (const objectId of objectIds) {
      const [foundId = '', , size] = (await this.#line()).split(' ');
      if (size === undefined) {
        yield undefined;
        continue;
      }
      const sizeBytes = Number(size);
      if (!Number.isSafeInteger(sizeBytes))
        throw new Error(`git cat-file: unexpected answer for ${objectId}`);
      const content = new Content(sizeBytes, (atMost) => this.#take(atMost));
      yield { objectId: foundId, sizeBytes, body: await content.open() };
      await content.skip();
      await this.#take(1);
    }
  }

  /** Lets the process of Node end although this one waits for questions, or keeps it alive again. */
  hold(alive: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    const parts = [this.#child, stdin, stdout, stderr] as { ref?(): void; unref?(): void }[];
    for (const part of parts) (alive ? part.ref : part.unref)?.call(part);
  }

  close(): void {
    this.#closed = true;
    this.#child.kill();
    this.#child.stdout.destroy();
  }

  async #line(): Promise<string> {
    const parts: Buffer[] = [];
    for (;;) {
      const end = this.#rest.indexOf(LINE_FEED);
      if (end >= 0) {
        parts.push(this.#rest.subarray(0, end));
        this.#rest = this.#rest.subarray(end + 1);
        return Buffer.concat(parts).toString('latin1');
      }
      parts.push(this.#rest);
      this.#rest = await this.#next();
    }
  }

  /** Some bytes, at least one and at most so many. */
  async #take(atMost: number): Promise<Buffer> {
    if (this.#rest.length === 0) this.#rest = await this.#next();
    const taken = this.#rest.subarray(0, atMost);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  async #next(): Promise<Buffer> {
    const next = await this.#chunks.next();
    if (next) return next;
    // What it says comes by another pipe. Who has closed it waits for no words.
    if (!this.#closed) await this.#ended;
    const said = this.#said.trim();
    const detail = `git cat-file ended early${said === '' ? '' : `: ${said}`}`;
    throw new RepositoryUnavailable(this.#repository, detail, { cause: this.#failure });
  }
}

/** The bytes of one object on their way out of the pipe. */
class Content {
  #left: number;
  readonly #sizeBytes: number;
  readonly #take: (atMost: number) => Promise<Buffer>;
  #feeding: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(sizeBytes: number, take: (atMost: number) => Promise<Buffer>) {
    this.#left = sizeBytes;
    this.#sizeBytes = sizeBytes;
    this.#take = take;
  }

  async open(): Promise<Readable> {
    if (this.#sizeBytes > WHOLE_BYTES) return this.#stream();
    const parts: Buffer[] = [];
    while (this.#left > 0) parts.push(await this.#piece());
    return new WholeBody(parts);
  }

  /** Passes over what nobody read; the body, if somebody still holds it, ends as cut off. */
  async skip(): Promise<void> {
    this.#closed = true;
    await this.#feeding;
    while (this.#left > 0) await this.#piece();
  }

  async #piece(): Promise<Buffer> {
    const piece = await this.#take(this.#left);
    this.#left -= piece.length;
    return piece;
  }

  #stream(): Readable {
    const body: Readable = new Readable({
      read: () => {
        this.#feeding = this.#feed(body);
      },
    });
    return body;
  }

  async #feed(body: Readable): Promise<void> {
    try {
      if (this.#closed) body.destroy();
      else body.push(this.#left > 0 ? await this.#piece() : null);
    } catch (error) {
      body.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** A body that is here already. Iterating over it passes by the machinery of streams, which would cost more than reading a small file. */
class WholeBody extends Readable {
  readonly #parts: readonly Buffer[];

  constructor(parts: readonly Buffer[]) {
    super();
    this.#parts = parts;
  }

  override _read(): void {
    for (const part of this.#parts) this.push(part);
    this.push(null);
  }

  override async *[Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer> {
    yield* this.#parts;
    this.destroy();
  }
}
