import type { Readable } from 'node:stream';
import type { SlipwayError } from '../model/errors.ts';
import type { Level } from '../model/pure/ids.ts';
import type { RefreshInput } from '../model/pure/base-payloads.ts';
import type { Rerun } from '../model/pure/rerun.ts';
import type { Plan, PlannedTask, PushRequest } from '../model/schema/plan.ts';
import type { ArtifactRecord, IndexEntry, PushDocument, TaskRecord } from '../model/schema/records.ts';

export interface StartPush {
  /** Path or URL of the repository. */
  readonly repository: string;
  /** Full ref, `refs/heads/…`. */
  readonly ref: string;
  /** Full revision. */
  readonly revision: string;
  readonly request: PushRequest;
  /** Chooses among the projects that name the repository. */
  readonly project?: string;
  readonly pushedBy: string;
  /** The ref's former revision, when known. */
  readonly before?: string;
  /** Where the branch's upstream is, as far as this clone knows. */
  readonly upstream?: string;
  /** Opens a new round when the push is resolved already. */
  readonly again?: boolean;
  /** Keeps the containers of tasks that fail for a while. */
  readonly hold?: boolean;
}

/** What is done about a push that is to begin a new round and is still ending: it was cancelled, or a newer one has taken its place. */
export interface EndingWait {
  /** Told when its end begins to be waited for: until containers have stopped and what they left is saved. */
  readonly onEnding?: () => void;
  /** Default: longer than such a push takes. */
  readonly patienceMs?: number;
}

export interface StartedPush {
  readonly pushId: string;
  /** `started`: by this call; `joined`: it runs already; `resolved`: its record stands, nothing was started. */
  readonly outcome: 'started' | 'joined' | 'resolved';
  /** The round that was begun, when it is not the first: the push has the document of the one before until it is planned. */
  readonly round?: number;
  /** The ref that its tasks were decided for, full, when that is another than the one that was pushed now: a push's id has no ref. */
  readonly decidedFor?: string;
  /** Where it can be seen in the Temporal UI, when there is one. */
  readonly url?: string;
}

export interface RerunOutcome {
  /** `asked`: the push runs, and what has ended of it is set back; `started`: it begins a new round. */
  readonly outcome: 'asked' | 'started';
  /** The round that was begun: the push has the document of the one before until then. */
  readonly round?: number;
}

export interface Download {
  readonly body: Readable;
  readonly sizeBytes?: number;
  /** Its owner may execute it. */
  readonly executable?: true;
  /** It is a directory without a file, and has no bytes. */
  readonly isEmptyDirectory?: true;
}

/** An artifact of some run. `public/image.tar` of an image is made as it streams: its size and hash are not known before. */
export interface ListedArtifact extends Omit<ArtifactRecord, 'sizeBytes' | 'sha256'> {
  /** Absent of the log of a task whose end no run's own log tells; downloaded where no run is named. */
  readonly run?: number;
  readonly sizeBytes?: number;
  readonly sha256?: string;
}

/** Told of each look in vain while somebody follows something, and Temporal or the store is away. */
export type OnAway = (error: SlipwayError) => void;

export interface LogOptions {
  readonly run?: number;
  /** On to the end of the run; a store that is away is waited for. */
  readonly follow: boolean;
  readonly onAway?: OnAway;
  /** So much of its end is enough: of a log that is whole no more is read. Default: all of it. */
  readonly tailBytes?: number;
  /** Hears which run is read where a newer one is still to come. Who follows gets the newer one. */
  readonly onRunToCome?: (last: number) => void;
  readonly signal: AbortSignal;
}

/** A push as a list of them shows it. */
export interface ListedPush extends Pick<
  PushDocument,
  'id' | 'ref' | 'pushedBy' | 'state' | 'reason' | 'received' | 'resolved'
> {
  /** How many it has; none before it is planned. */
  readonly tasks: number;
  /** How many of them have completed; absent while it runs. */
  readonly completed?: number;
}

/** A push whose records cannot be read: nothing is known of how it stands. */
export interface DamagedPush {
  readonly id: string;
  readonly received: string;
  /** What is wrong, and what mends it. */
  readonly damaged: string;
}

/** A push whose records a newer version of Slipway wrote: this one does not know how it stands. */
export interface NewerPush {
  readonly id: string;
  readonly received: string;
  /** What cannot be read, and where Slipway is to be upgraded. */
  readonly newer: string;
}

export type UnreadPush = DamagedPush | NewerPush;

/** A run that has a container to join, and where. */
export interface JoinableRun {
  readonly taskId: string;
  readonly run: number;
  /** The id of the engine that has its container. */
  readonly engineId: string;
  readonly worker: string;
  /** It has failed, and its container is kept until then; the plan says what it ran with. */
  readonly kept?: { readonly until: string; readonly plan: Plan; readonly planned: PlannedTask };
}

/** A base after it was resolved anew. */
export interface RefreshedBase {
  readonly reference: string;
  readonly domain: string;
  readonly level: Level;
  /** Digests of its manifest: what counted, and what counts now; both absent when it never was to be had. */
  readonly before?: string;
  readonly after?: string;
  readonly resolved?: string;
  /** Why nobody could say what it is now. */
  readonly unavailable?: string;
  /** The higher level whose record counts at this one too, so that nothing was resolved: it is renewed there. */
  readonly countsAt?: Level;
  /** Images that the next pushes will build because of it. */
  readonly images: readonly string[];
}

/** The one interface that the verbs know: start, read, follow, cancel, download. */
export interface SlipwayApi {
  /** @throws {PushEnding} when it had to wait for longer than it may. */
  start(push: StartPush, wait?: EndingWait): Promise<StartedPush>;
  /** A push named by its id, its revision or an unambiguous beginning of it; when none is named the newest one of what is checked out, else the newest, in a checkout of a known project that of its own. @throws {NotFound} */
  resolvePush(name?: string): Promise<string>;
  /** A task named by its id, or `LABEL` of a push (when none is named, of the same as {@link resolvePush}), or `image:NAME`. Who is `waiting` waits for the plan of that push, until the signal. @throws {NotPlanned} @throws {NotFound} */
  resolveTask(name: string, push?: string, options?: { readonly waiting?: AbortSignal }): Promise<string>;
  /** With the own records of all tasks of a push that goes on, or of those labels only: of 10,000 they are as many. */
  read(pushId: string, of?: readonly string[]): Promise<PushDocument>;
  /** Newest first. One that cannot be read does not hide the others. */
  list(options: {
    readonly limit: number;
    readonly project?: string;
  }): Promise<readonly (ListedPush | UnreadPush)[]>;
  /** The same with all that stands in {@link read}'s documents; reads the record of every task of those that run. */
  documents(options: {
    readonly limit: number;
    readonly project?: string;
  }): Promise<readonly (PushDocument | UnreadPush)[]>;
  /** The push's document whenever it changed, the last one with its verdict. Temporal and the store are waited for while they are away. */
  follow(pushId: string, signal: AbortSignal, onAway?: OnAway): AsyncIterable<PushDocument>;
  /** Which of some queues of a level no worker polls, by this machine's clock. @throws {TemporalUnavailable} */
  silentQueues(level: Level, queues: readonly string[]): Promise<readonly string[]>;
  /** What the machines lack that were offered runs of these tasks of one level, by task; nothing of those that were not refused. @throws {TemporalUnavailable} */
  heldUp(level: Level, taskIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** What is done just now to plan a push, and what the attempt before met; undefined when nobody plans it. @throws {TemporalUnavailable} */
  planning(pushId: string): Promise<string | undefined>;
  /** Whether the workflow of a push, task or image runs, whatever its record says. @throws {TemporalUnavailable} */
  isRunning(id: string): Promise<boolean>;
  /** Asks a push, task or image to cancel; false when its workflow does not run. */
  cancel(id: string): Promise<boolean>;
  /** Asks the push of a task to end it as canceled, whether or not it has begun; false when the push does not run. */
  cancelInPush(taskId: string): Promise<boolean>;
  /** Runs tasks of a push again that have ended. @throws {NotFound} @throws {PushEnding} as {@link start} */
  rerun(pushId: string, rerun: Rerun, by: string, wait?: EndingWait): Promise<RerunOutcome>;
  task(taskId: string): Promise<TaskRecord>;
  /** Where the newest run of a task goes on, or is kept. @throws {NotFound} when it does neither. */
  joinable(taskId: string): Promise<JoinableRun>;
  /** The log of a run (the task's own when none is named), following it until the run ends if asked to. @throws {NotFound} */
  log(taskId: string, options: LogOptions): AsyncIterable<Buffer>;
  artifacts(taskId: string): Promise<readonly ListedArtifact[]>;
  /** An artifact's bytes; the log of what has ended is that of {@link log}; `public/image.tar` of an image is made as it streams. @throws {NotFound} */
  download(
    taskId: string,
    name: string,
    options: { readonly run?: number; readonly signal: AbortSignal },
  ): Promise<Download>;
  /** Images that the index knows, newest first, of one trust domain, or of all that the configuration names and a further one. */
  images(options: {
    readonly domain?: string;
    /** That of a project which the configuration need not name. */
    readonly further?: string;
    readonly level?: Level;
    readonly name?: string;
    readonly limit: number;
  }): Promise<
    readonly (IndexEntry & {
      readonly name: string;
      readonly domain: string;
      readonly level: Level;
      readonly imageHash: string;
    })[]
  >;
  /** Resolves a base anew for the images of a project, and waits for that; it goes on when the signal ends the wait. */
  refreshBase(base: RefreshInput, signal: AbortSignal): Promise<RefreshedBase>;
  /** Where a workflow can be seen in the Temporal UI. */
  uiLink(id: string): string | undefined;
  close(): Promise<void>;
}
