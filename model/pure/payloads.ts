/** What workflows and activities say to one another: names, digests and small facts; never bytes, plans or logs. */

import type { BuiltImage } from './built-image.ts';
import type { BasesOfPush, BaseToRenew, ImportBaseInput, PlatformBase } from './base-payloads.ts';
import type { GraphTask } from './graph-pages.ts';
import type { Level } from './ids.ts';
import type { ImageDigests } from './image-digests.ts';
import type { PushVerdict } from './push-verdict.ts';
import type { Rerun } from './rerun.ts';
import type { PushReason, TaskReason, TaskState } from './states.ts';
import type { PushRequest, StoredImage } from '../schema/plan.ts';
import type { ArtifactRecord, PushImage } from '../schema/records.ts';

export type { BuiltImage };

/** What a push names. The level is part of the workflow's id and is checked against the configuration by `planPush`. */
export interface PushInput {
  readonly project: string;
  readonly level: Level;
  readonly repository: string;
  /** Full ref, `refs/heads/…`. */
  readonly ref: string;
  readonly revision: string;
  readonly request: PushRequest;
  readonly pushedBy: string;
  readonly received: string;
  /** The ref's former revision, when the pusher knows it: `when.changed` is against it. */
  readonly before?: string;
  /** Where the branch's upstream is, as far as the pusher's clone knows: the same where nothing else is known. */
  readonly upstream?: string;
  /** A new round of a push that is resolved: runs go on from the numbers in the records. */
  readonly again?: boolean;
  /** A new round in which only these tasks run; the others stay as they are. */
  readonly rerun?: Rerun;
  /** It was pushed once more after a newer push had taken its place: among the pushes of its ref it counts as received now. */
  readonly arrivedAgain?: true;
  /** Which round of the push it is; default the first. */
  readonly round?: number;
  /** The containers of its tasks are kept for a while where they fail. */
  readonly hold?: boolean;
}

export interface GraphImage {
  readonly name: string;
  /** Its own task: the image workflow that builds it, or that built it before. */
  readonly taskId: string;
  /** `keep`: no task of this round needs it. */
  readonly action: 'build' | 'reuse' | 'keep';
  /** The one to take: that of the index, or of a round before. */
  readonly stored?: ImageDigests;
  /** Why it cannot be built at all: a base that is not to be had. */
  readonly unavailable?: string;
  /** That is trouble of ours, and not its author's to mend. */
  readonly troubled?: true;
  /** Name of its parent image; absent in histories from before it was told, too. */
  readonly parent?: string;
  /** The parent image that cannot be built, when that is why. */
  readonly culprit?: string;
  readonly force: boolean;
  /** How it ended in the round before, when this one goes on from there. */
  readonly before?: ImageOutcome;
}

export type PlannedPush =
  | {
      readonly outcome: 'planned';
      readonly plannedAt: string;
      /** Only in histories from before the graph was read from the store in pages. */
      readonly tasks?: readonly GraphTask[];
      readonly images: readonly GraphImage[];
      /** Only the decision program is planned: once it has completed, what it printed is planned. */
      readonly decides?: true;
      /** Older pushes of the same ref that run are to be cancelled. */
      readonly supersedes?: true;
    }
  /** Bases to bring into the store before the hashes are known; plan again afterwards. */
  | {
      readonly outcome: 'bases-missing';
      /** References alone only in histories from before each had its own platform. */
      readonly bases: readonly (PlatformBase | string)[];
      /** Bases to resolve anew, since an image tracks them or is older than it may be. */
      readonly renew?: readonly BaseToRenew[];
      readonly domain: string;
      /** Of references alone. */
      readonly platform?: string;
    }
  /** The record is written, with every finding. */
  | { readonly outcome: 'rejected'; readonly reason: PushReason; readonly detail: string };

export interface PlanPushInput extends BasesOfPush {
  readonly push: PushInput;
  readonly pushId: string;
  /** The decision program has completed, so that what it printed counts. */
  readonly decided?: true;
  /** The push was planned before, when its ref had the revision. */
  readonly replanned?: true;
}

export interface ImageInput {
  readonly taskId: string;
  readonly name: string;
  readonly pushId: string;
  readonly plannedAt: string;
}

export type ImageReason =
  'built' | 'reused' | 'image-build-failed' | 'dependency-failed' | 'canceled' | 'internal-error';

/** How an image workflow answers whoever asked. */
export interface ImageResolved<Stored = StoredImage> {
  readonly taskId: string;
  readonly reason: ImageReason;
  readonly stored?: Stored;
  readonly bytesUploaded: number;
  /** Why its build moved or made more than need have been. */
  readonly fellBack?: string;
  readonly detail?: string;
  /** The first image that failed, when it is a parent of this one. */
  readonly culprit?: string;
}

/** The same, as a push knows it. */
export type KnownImage = ImageResolved<ImageDigests>;

export interface FoundImage {
  readonly stored?: StoredImage;
  /** Bases whose stored image is damaged: to be brought into the store again before the build. */
  readonly damagedBases?: readonly ImportBaseInput[];
  readonly parent?: {
    readonly taskId: string;
    readonly name: string;
    readonly stored?: StoredImage;
    readonly force?: boolean;
  };
  /** Number of the run that a build would be. */
  readonly nextRun: number;
}

export interface ExamineImageInput {
  readonly pushId: string;
  readonly plannedAt: string;
  /** The blob that a reader found missing or wrong. */
  readonly digest: string;
  /** The task whose image it is a part of; absent when an image's own workflow asks. */
  readonly label?: string;
}

export interface ExaminedImage {
  /** `kept`: it is damaged, but our key may not remove it. */
  readonly blob: 'whole' | 'missing' | 'removed' | 'kept';
  /** What makes the task's image whole again: a build, or a base brought in anew. */
  readonly image?: { readonly taskId: string; readonly name: string };
  readonly base?: ImportBaseInput;
  /** It came from a tarball, which is read again. */
  readonly tarball?: true;
}

export interface BuildImageInput extends ImageInput {
  readonly run: number;
  readonly parent?: StoredImage;
  /** No step is taken from a cache: a rebuild was wanted. */
  readonly fresh?: boolean;
}

export interface RecordImageInput extends ImageInput {
  readonly run: number;
  readonly reason: ImageReason;
  readonly built?: BuiltImage;
  readonly detail?: string;
  readonly culprit?: string;
}

export interface TaskInput {
  readonly pushId: string;
  readonly plannedAt: string;
  readonly taskId: string;
  readonly label: string;
  readonly level: Level;
  readonly firstRun: number;
  readonly retries: number;
  readonly deadlineSeconds: number;
  /** When its time is over. Absent in histories from before it counted from the push on: there from the start of its workflow. */
  readonly deadline?: string;
  readonly maxRunTimeSeconds: number;
  readonly dind?: true;
  /** Its container is kept for a while where it fails, since the rerun asked for that. */
  readonly hold?: true;
  /** The in-tree image that the push recorded for it. */
  readonly image?: ImageDigests;
}

/** Names one run of a task to an activity. */
export interface RunInput {
  readonly task: TaskInput;
  readonly run: number;
}

export interface LoadedImage {
  readonly engineImageId: string;
  readonly bytesLoaded: number;
  readonly imageMs: number;
  readonly manifestDigest?: string;
  readonly configDigest?: string;
  /** Of one that the store does not have: what its name stands for at its registry. */
  readonly registryDigest?: string;
  /** Why all of it moved, where less would have done. */
  readonly fellBack?: string;
}

export interface RunContainerInput extends RunInput {
  readonly engineImageId: string;
}

/** How a command ended. A command that exits non-zero is a result, not an error. */
export interface ContainerResult {
  readonly reason: Extract<
    TaskReason,
    'completed' | 'failed' | 'max-run-time-exceeded' | 'out-of-memory' | 'intermittent-task'
  >;
  readonly exitCode?: number;
  readonly detail?: string;
  readonly started?: string;
  readonly finished?: string;
  readonly peakMemoryBytes?: number;
  readonly prepareMs: number;
  readonly runMs: number;
  /** What moved when no container could be made of the image that had been loaded. */
  readonly loadedAgain?: Pick<LoadedImage, 'bytesLoaded' | 'fellBack'>;
}

export interface SaveArtifactsInput extends RunInput {
  /** How the run ends if every required artifact is there. */
  readonly reason: TaskReason;
  /** Of its command; absent when that came to no end, and in histories from before it was told. */
  readonly exitCode?: number;
}

export interface SavedArtifacts {
  /** Between activities only in histories from before it was read from the store. */
  readonly artifacts: readonly ArtifactRecord[];
  /** Names of required artifacts that are absent or of another type, with what was found. */
  readonly missing: readonly { readonly name: string; readonly found: string }[];
  readonly uploadMs: number;
  readonly bytesUploaded: number;
  /** Until when the container is kept, which is removed otherwise. */
  readonly keptUntil?: string;
  /** As the engine has it, of a command that came to no result. */
  readonly ran?: { readonly runMs: number; readonly exitCode: number };
  /** The most that was seen in use, of a command that came to no result. */
  readonly peakMemoryBytes?: number;
}

export interface RecordRunInput extends RunInput {
  readonly state: TaskState;
  readonly reason: TaskReason;
  readonly detail?: string;
  /** Whether the task is resolved with this run; otherwise a new one follows. */
  readonly final: boolean;
  /** How long its image was tried for, which did not come. */
  readonly imageMs?: number;
  readonly loaded?: LoadedImage;
  readonly result?: ContainerResult;
  readonly saved?: SavedArtifacts;
}

/** Signalled by a task to its push. */
export interface TaskResolved {
  readonly label: string;
  readonly state: TaskState;
  readonly reason: TaskReason;
  readonly culprit?: string;
}

export interface UnstartedTask {
  readonly label: string;
  readonly reason: TaskReason;
  readonly culprit?: string;
  readonly detail?: string;
}

export interface RecordUnstartedInput {
  readonly pushId: string;
  readonly plannedAt: string;
  readonly tasks: readonly UnstartedTask[];
}

export type ImageOutcome = Pick<PushImage, 'name' | 'outcome' | 'bytesUploaded'> &
  Partial<Pick<PushImage, 'manifestDigest' | 'detail' | 'fellBack'>>;

export interface RecordPushInput {
  readonly pushId: string;
  readonly plannedAt: string;
  readonly images: readonly ImageOutcome[];
  /** Absent while the push runs. */
  readonly verdict?: PushVerdict;
  /** What was pushed, for a push that ends before planning could write its record, or whose record is damaged. */
  readonly push?: PushInput;
}
