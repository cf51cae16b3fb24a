import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { Digest } from '../../model/pure/ids.ts';
import type { Closure } from './closure.ts';
import type { StoredManifest } from './closure.ts';
import type { Upload } from './upload.ts';

/** The one repository that the endpoint knows, by name or by the end of a name. */
export const REPOSITORY = 'slipway';

/** One direction, one credential, ended by `close`. */
export interface Transfer {
  /** As the engine names it: of a transfer by name its credential stands in front. */
  readonly repository: string;
  /** A throw-away name: engines push tags only. */
  readonly tag: string;
  readonly username: string;
  readonly password: string;
  /** Bytes of configs and layers that were moved, repetitions included. */
  readonly stats: { bytesIn: number; bytesOut: number };
  /** What failed on our side, in order, for people. */
  readonly errors: readonly string[];
  /** Ends it: its credential is refused from now on, what is under way is aborted. */
  close(): void;
}

export interface PushedManifest {
  /** The tag or digest that it was put under. */
  readonly reference: string;
  readonly digest: Digest;
  readonly mediaType: string;
}

/** What a push transfer has taken in so far. */
export interface PushOutcome {
  readonly manifests: readonly PushedManifest[];
  readonly uploaded: readonly Digest[];
  readonly confirmed: readonly Digest[];
}

/** Told of what failed on our side, and when its request had begun (by `performance.now`). */
export type OnError = (error: unknown, begunMs: number) => void;

/** What the endpoint itself knows of any transfer. */
export class OpenTransfer implements Transfer {
  readonly repository: string;
  readonly tag = randomUUID();
  readonly username: string;
  // Of lower-case letters and digits: a part of a repository's name has no others.
  readonly password = randomBytes(24).toString('hex');
  readonly stats = { bytesIn: 0, bytesOut: 0 };
  readonly errors: string[] = [];
  readonly #ended = new AbortController();
  readonly #onError: OnError | undefined;

  constructor(
    direction: 'pull' | 'push',
    {
      byName = false,
      onError,
    }: { readonly byName?: boolean | undefined; readonly onError?: OnError | undefined } = {},
  ) {
    this.username = `${direction}-${randomUUID()}`;
    this.repository = byName ? `${this.username}/${this.password}/${REPOSITORY}` : REPOSITORY;
    this.#onError = onError;
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Takes as long for a wrong password as for the right one. */
  accepts(password: string): boolean {
    return timingSafeEqual(fingerprint(password), fingerprint(this.password));
  }

  fail(error: unknown, begunMs: number = performance.now()): void {
    this.errors.push(error instanceof Error ? error.message : String(error));
    this.#onError?.(error, begunMs);
  }

  close(): void {
    this.#ended.abort(new Error('the transfer has ended'));
  }
}

/** Serves the closure of one manifest. */
export class PullTransfer extends OpenTransfer {
  readonly closure: Closure;
  constructor(
    closure: Closure,
    options: { readonly byName?: boolean | undefined; readonly onError?: OnError | undefined } = {},
  ) {
    super('pull', options);
    this.closure = closure;
  }
}

export type MayConfirm = (digest: Digest) => boolean | Promise<boolean>;

/** Told of each blob whose bytes have come and are in the store, before the engine is. */
export type OnBlob = (digest: Digest, sizeBytes: number) => Promise<void>;

export interface PushOptions {
  /** Of which stored blobs it may be said that they need not be sent. */
  readonly mayConfirm: MayConfirm;
  readonly onBlob?: OnBlob | undefined;
  readonly onError?: OnError | undefined;
  /** Told each time that the store has a part of what is pushed, sent or confirmed. */
  readonly onStored?: (() => void) | undefined;
}

/** Takes in blobs and the manifests that name them. */
export class PushTransfer extends OpenTransfer {
  readonly mayConfirm: MayConfirm;
  readonly onBlob: OnBlob | undefined;
  readonly onStored: (() => void) | undefined;
  /** Sizes of blobs that this transfer may name: sent in it, or confirmed to it. */
  readonly uploaded = new Map<Digest, number>();
  readonly confirmed = new Map<Digest, number>();
  readonly manifests = new Map<Digest, StoredManifest>();
  readonly references = new Map<string, Digest>();
  readonly uploads = new Map<string, Upload>();

  constructor({ mayConfirm, onBlob, onError, onStored }: PushOptions) {
    super('push', { onError });
    this.mayConfirm = mayConfirm;
    this.onBlob = onBlob;
    this.onStored = onStored;
  }

  /** Size of a blob that a manifest of this transfer may name. */
  sizeOf(digest: Digest): number | undefined {
    return this.uploaded.get(digest) ?? this.confirmed.get(digest);
  }

  result(): PushOutcome {
    const manifests = [...this.references].map(([reference, digest]) => ({
      reference,
      digest,
      mediaType: this.manifests.get(digest)?.manifest.mediaType ?? '',
    }));
    return { manifests, uploaded: [...this.uploaded.keys()], confirmed: [...this.confirmed.keys()] };
  }

  override close(): void {
    for (const upload of this.uploads.values()) upload.abort();
    super.close();
  }
}

function fingerprint(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
