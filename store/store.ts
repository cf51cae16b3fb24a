import type { Readable } from 'node:stream';
import type { BlobStore } from '../model/blob-store.ts';
import type { CacheMount } from '../model/cache-mount.ts';
import type { PlatformBase } from '../model/pure/base-payloads.ts';
import type { Digest, Level, PushCoordinates } from '../model/pure/ids.ts';
import type {
  ArtifactRecord,
  BaseRecord,
  Claim,
  IndexEntry,
  MountRecord,
  PushDocument,
  PushRecord,
  TarballRecord,
  TaskRecord,
} from '../model/schema/records.ts';
import type { SavedArtifacts } from '../model/pure/payloads.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { Collector } from './collect/collector.ts';
import type { Holders } from './holders.ts';
import type { ListedImage } from './listed-images.ts';
import type { Outages } from './outages.ts';
import type { Platforms } from './platforms.ts';
import type { Routes } from './routes.ts';
import type { ListedPush, PushesWanted } from './pushes-by-day.ts';

/** Everything that Slipway keeps, by what it is. `createStore` makes one over any object store. */
export interface Store {
  readonly blobs: Blobs;
  readonly index: ImageIndex;
  readonly routes: Routes;
  readonly tarballs: Tarballs;
  readonly mounts: CacheMounts;
  readonly sent: SentBlobs;
  readonly holders: Holders;
  readonly platforms: Platforms;
  readonly tasks: TaskRecords;
  readonly pushes: PushRecords;
  readonly artifacts: Artifacts;
  readonly logs: Logs;
  readonly collector: Collector;
  /**
   * Removes what uploads that never ended have left behind: temporary objects and multipart uploads older than a moment.
   * Gives how many there were. Safe to repeat and to race; nothing that anybody can read is touched.
   */
  sweep(options: { readonly olderThan: Date; readonly signal?: AbortSignal }): Promise<SweptUploads>;
}

export interface SweptUploads {
  readonly objects: number;
  readonly multipartUploads: number;
}

export interface Blobs extends BlobStore {
  /**
   * Reads a blob to its end and takes its bytes away when they are not those of its digest, so that it can be written again.
   * Needs no right to delete below `blobs/`: the blob is emptied. `kept`: our key may not do that either. `whole` too when it
   * was written anew meanwhile.
   */
  examine(digest: Digest, signal?: AbortSignal): Promise<'whole' | 'missing' | 'removed' | 'kept'>;
}

export interface ImageKey {
  readonly domain: string;
  readonly name: string;
  readonly imageHash: string;
}

export interface ImageIndex {
  /** Looks from level 3 down to `level` for an entry that `accepts` says yes to; undefined when no level has one. A damaged or retired one counts as none. */
  find(
    key: ImageKey,
    level: Level,
    accepts?: (entry: IndexEntry, storeKey: string) => Promise<boolean>,
  ): Promise<{ readonly entry: IndexEntry; readonly level: Level } | undefined>;
  /** The keys of the store that {@link find} looks at, in its order. */
  keysOf(key: ImageKey, level: Level): readonly string[];
  /** Replaces what was there. Written only at one's own level, only after the manifest was read back. */
  write(key: ImageKey, level: Level, entry: IndexEntry): Promise<void>;
  /** Takes the entry of exactly that level away; the image itself stays until it is collected. Safe to repeat. */
  remove(key: ImageKey, level: Level): Promise<void>;
  /** Says that a push of this level uses these, which extends the life of those that are its level's own. Cheap: written at most once a day. */
  use(what: {
    readonly domain: string;
    readonly level: Level;
    readonly images: readonly Pick<ImageKey, 'name' | 'imageHash'>[];
    readonly bases: readonly PlatformBase[];
  }): Promise<void>;
  /** All entries of a name that a level may read, newest first. Who takes a few of many has few of them read. */
  list(domain: string, level: Level, name?: string): AsyncIterable<ListedImage>;
  /** The newest entry of each name that a level may read, in no order. */
  newestOfEachName(domain: string, level: Level): Promise<readonly ListedImage[]>;
  /**
   * The recorded resolution of a base reference that `accepts` says yes to, from level 3 down to `level`. Bases entered by
   * `up` are found by every domain.
   */
  findBase(
    domain: string,
    platform: string,
    reference: string,
    level: Level,
    accepts?: (record: BaseRecord) => Promise<boolean>,
    /** `alsoRetired`: also one whose life is over, for whoever has planned with it. */
    options?: { readonly alsoRetired?: boolean },
  ): Promise<BaseRecord | undefined>;
  /**
   * The highest level whose record of a base of the domain itself `accepts` says yes to, from level 3 down to `level`: that
   * record counts.
   */
  levelOfBase(
    domain: string,
    base: PlatformBase,
    level: Level,
    accepts: (record: BaseRecord) => Promise<boolean>,
  ): Promise<{ readonly level: Level; readonly record: BaseRecord } | undefined>;
  /**
   * Create-only: the first resolution stays, unless it is the one that `replaces` names by its manifest; gives the record
   * that counts.
   */
  recordBase(
    domain: string,
    level: Level,
    record: BaseRecord,
    options?: { readonly replaces?: string | undefined },
  ): Promise<BaseRecord>;
  /**
   * The newest resolution of a reference that `accepts` says yes to, whether somebody pinned it or a push that tracks it
   * recorded it.
   */
  findTrackedBase(
    domain: string,
    platform: string,
    reference: string,
    level: Level,
    accepts?: (record: BaseRecord) => Promise<boolean>,
  ): Promise<BaseRecord | undefined>;
  /**
   * Puts a resolution in place of the one that is there, unless that is newer: the one that counts for all, or with `tracked`
   * the one for images that track their bases. Gives the record that counts.
   */
  renewBase(
    domain: string,
    level: Level,
    record: BaseRecord,
    options?: { readonly tracked?: boolean },
  ): Promise<BaseRecord>;
  /** Blob digests noted to unpack to a layer: a hint, verified when used. Of very many who note one at once some may not. */
  findLayers(domain: string, level: Level, diffId: string): Promise<readonly string[]>;
  recordLayer(domain: string, level: Level, diffId: string, digest: string): Promise<void>;
}

/** One image of a tarball, on one platform; without a platform, what every platform has of it. */
export type TarballKey = Pick<TarballRecord, 'sha256' | 'name' | 'platform'>;

/** Images that tarballs of tasks became, by the bytes of the tarball, and by their names however those are written. */
export interface Tarballs {
  /** Looks from level 3 down to `level` for an image that `accepts` says yes to; one that is retired or damaged counts as none. */
  find(
    domain: string,
    level: Level,
    tarball: TarballKey,
    accepts?: (record: TarballRecord) => Promise<boolean>,
  ): Promise<TarballRecord | undefined>;
  /** Written only at one's own level. Replaces what was there. */
  record(domain: string, level: Level, record: TarballRecord): Promise<void>;
  /** Says that a push or task of this level uses it, which extends its life if it is its level's own. Written at most once a day. */
  use(domain: string, level: Level, tarball: TarballKey): Promise<void>;
}

/** What cache mounts of builds held, for builders that lack it. */
export interface CacheMounts {
  /** Looks from level 3 down to `level` for what `accepts` says yes to; one that is retired or damaged counts as none. */
  find(
    domain: string,
    level: Level,
    mount: CacheMount & { readonly platform: string },
    accepts?: (record: MountRecord) => Promise<boolean>,
  ): Promise<MountRecord | undefined>;
  /** Written only at one's own level, after all blobs of its image. Replaces what was there. */
  record(domain: string, level: Level, mount: CacheMount, record: MountRecord): Promise<void>;
  /** Says that a build of this level uses it, which extends its life if it is its level's own. Written at most once a day. */
  use(domain: string, level: Level, mount: CacheMount & { readonly platform: string }): Promise<void>;
}

/** A layer of a tarball as it was stored. */
export interface SentLayer {
  readonly diffId: Digest;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly mediaType: string;
  /** Size of the plain tar. */
  readonly unpackedBytes: number;
}

/** What was sent before anything names it, so that whoever goes on after one that was killed need not send it again. */
export interface SentBlobs {
  /** The size of a blob that this domain has sent at this level: it has had its bytes, so that it may name them. */
  sizeOf(domain: string, level: Level, digest: Digest): Promise<number | undefined>;
  /** To be called when the bytes were seen to be those of the digest. Safe to repeat. */
  record(domain: string, level: Level, digest: Digest, sizeBytes: number): Promise<void>;
  /** Layers of a tarball (by its sha-256) that were stored. */
  layersOf(domain: string, level: Level, sha256: string): Promise<readonly SentLayer[]>;
  recordLayer(domain: string, level: Level, sha256: string, layer: SentLayer): Promise<void>;
}

export interface TaskRecords {
  find(taskId: string): Promise<TaskRecord | undefined>;
  /** The same; in place of a damaged one what is known without it: the numbers of its runs. For who writes it anew, or can do without. */
  findUsable(taskId: string): Promise<TaskRecord | undefined>;
  /**
   * Writes what `change` makes of the record as it stands, so that no other writer's change is lost: it is asked again when the record has
   * changed meanwhile. The record itself, given back, is left as it is. A damaged one counts as none; its runs stand in the new one.
   */
  change(
    taskId: string,
    change: (present: TaskRecord | undefined) => TaskRecord | Promise<TaskRecord>,
  ): Promise<void>;
  /** Creates `runs/<n>/claim.json`, or gives the claim that is there already. */
  claim(taskId: string, run: number, claim: Claim): Promise<Claim>;
  findClaim(taskId: string, run: number): Promise<Claim | undefined>;
}

export interface PushRecords {
  /** Creates the push's record, or adds the ref, the round and a later arrival to the one that is there; a damaged one is written over. */
  receive(record: PushRecord): Promise<PushRecord>;
  find(pushId: string): Promise<PushRecord | undefined>;
  /**
   * Whole; what was begun by the plan before still finds that. `mayWrite` is asked before each try and throws when this writer does not
   * count any more.
   */
  writePlan(plan: Plan, mayWrite?: () => void): Promise<void>;
  /** The newest one, or that of a time. */
  findPlan(pushId: string, plannedAt?: string): Promise<Plan | undefined>;
  /** Whole, and puts the push on the list of the open ones or takes it off; `mayWrite` as above. */
  writeStatus(document: PushDocument, mayWrite?: () => void): Promise<void>;
  /** @throws {InternalError} when it is damaged, with what mends it; {@link find} too. */
  findStatus(pushId: string): Promise<PushDocument | undefined>;
  /** The same; a damaged one is as good as none. For who writes it anew, or can do without. */
  findUsableStatus(pushId: string): Promise<PushDocument | undefined>;
  /** Writes the verdict of a push whose own workflow can't any more. @throws {WriteConflict} when its status is not the one that was read: a new round has begun. */
  settleStatus(document: PushDocument, before: PushDocument | undefined): Promise<void>;
  /** Ids of the pushes of a level that have no verdict; may name one that has just got its own. */
  open(level: Level): AsyncIterable<string>;
  /** Takes a push that has its verdict off the list of the open ones. Safe to repeat. */
  close(pushId: string): Promise<void>;
  /** Newest first, over all levels given, as far back as it takes. */
  list(wanted: PushesWanted): Promise<readonly ListedPush[]>;
  /** Ids of the pushes of a project and level whose revision, with the variant if one is named, begins so: by their keys, in no order. */
  startingWith(push: PushCoordinates): AsyncIterable<string>;
}

export interface Artifacts {
  /** Streams an artifact in and gives its record; safe to repeat (the same name and run is replaced whole). */
  write(
    taskId: string,
    run: number,
    name: string,
    body: Readable,
    options: Omit<ArtifactRecord, 'name' | 'sizeBytes' | 'sha256'> & { readonly signal?: AbortSignal },
  ): Promise<ArtifactRecord>;
  find(taskId: string, run: number, name: string): Promise<ArtifactRecord | undefined>;
  /** From byte `start` on; what is read from its beginning is held against its digest. @throws {NotFound} */
  read(taskId: string, run: number, name: string, signal?: AbortSignal, start?: number): Promise<Readable>;
  list(taskId: string, run: number): Promise<readonly ArtifactRecord[]>;
  /** Says that everything of a run is saved, for whoever repeats it: creates `runs/<n>/saved.json`, or gives the one that is there. */
  recordSaved(taskId: string, run: number, saved: SavedArtifacts): Promise<SavedArtifacts>;
  findSaved(taskId: string, run: number): Promise<SavedArtifacts | undefined>;
}

export interface LogChunk {
  readonly seq: number;
  readonly text: Buffer;
  /** Bytes of the container's own output in all chunks up to and including this one: where an adopter goes on. */
  readonly taskBytes: number;
}

export interface Logs {
  /** When the store was away, as this process has seen it: whoever writes a log says it there. */
  readonly outages: Outages;
  /** Create-only. @throws {WriteConflict} when another writer has written that number. */
  append(taskId: string, run: number, chunk: LogChunk): Promise<void>;
  /** Number and taskBytes of the last chunk, or undefined when there is none. */
  findLast(
    taskId: string,
    run: number,
  ): Promise<{ readonly seq: number; readonly taskBytes: number } | undefined>;
  /** Chunks after a number, in order. */
  chunks(taskId: string, run: number, afterSeq?: number): AsyncIterable<LogChunk>;
  /** Joins the chunks to the artifact `public/logs/live.log`, then removes them. Safe to repeat. */
  finish(taskId: string, run: number, signal?: AbortSignal): Promise<ArtifactRecord>;
  /** Whether the artifact is there with all chunks that there are in it. */
  isFinished(taskId: string, run: number): Promise<boolean>;
  /** Removes a chunk that came after the log was joined, from a writer that stood still; nothing while it is not joined. */
  dropLate(taskId: string, run: number, seq: number): Promise<void>;
  /** The whole log: the artifact when finished, else the chunks so far. */
  read(taskId: string, run: number): Promise<Readable>;
}
