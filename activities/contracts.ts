import type { RequestImagesInput } from '../model/pure/asked-image.ts';
import type {
  ImportBaseInput,
  RefreshInput,
  RenewBaseInput,
  RenewedBase,
} from '../model/pure/base-payloads.ts';
import type { GraphPage, LoadGraphInput } from '../model/pure/graph-pages.ts';
import type {
  ClaimedRun,
  EndedTask,
  QueuedRun,
  ReferableRun,
  ReferredRun,
} from '../model/pure/claim-payloads.ts';
import type {
  BuildImageInput,
  BuiltImage,
  ContainerResult,
  ExaminedImage,
  ExamineImageInput,
  FoundImage,
  ImageInput,
  LoadedImage,
  PlanPushInput,
  PlannedPush,
  RecordImageInput,
  RecordPushInput,
  RecordRunInput,
  RecordUnstartedInput,
  RunContainerInput,
  RunInput,
  SaveArtifactsInput,
  SavedArtifacts,
} from '../model/pure/payloads.ts';
import type { ReopenPushInput, SetBackInput } from '../model/pure/rerun.ts';
import type { SettleInput, Settled } from '../model/pure/settle-payloads.ts';
import type { SupersedeInput } from '../model/pure/supersede.ts';
import type { CollectInput, CollectionReport } from '../model/schema/collection.ts';

/** Activities of control workers (`control-<level>`). */
export interface ControlActivities {
  planPush(input: PlanPushInput): Promise<PlannedPush>;
  /** A part of what was planned, for the push's workflow. */
  loadGraph(input: LoadGraphInput): Promise<GraphPage>;
  /** Opens a push again that has its verdict. */
  reopenPush(input: ReopenPushInput): Promise<Extract<PlannedPush, { outcome: 'planned' }>>;
  /** Sets back tasks that have ended; gives the numbers of their next runs, or that one may not run again. */
  setBack(input: SetBackInput): Promise<readonly number[]>;
  /** Tells older pushes of the same ref, or this one that it is the older; gives the ids of the others. */
  supersede(input: SupersedeInput): Promise<readonly string[]>;
  requestImages(input: RequestImagesInput): Promise<void>;
  findImage(input: ImageInput & { readonly force: boolean }): Promise<FoundImage>;
  examineImage(input: ExamineImageInput): Promise<ExaminedImage>;
  recordImage(input: RecordImageInput): Promise<void>;
  recordRun(input: RecordRunInput): Promise<void>;
  recordUnstarted(input: RecordUnstartedInput): Promise<void>;
  recordPush(input: RecordPushInput): Promise<void>;
  /** The trust domain that a project's refresh concerns. */
  authorizeRefresh(input: RefreshInput): Promise<{ readonly domain: string }>;
}

/** Of control workers too; started by a schedule and not by a push. */
export interface SettleActivities {
  settle(input: SettleInput): Promise<Settled>;
}

/** Of control workers too; started by a schedule. */
export interface CollectActivities {
  collect(input: CollectInput): Promise<CollectionReport>;
}

/** Activities of builder workers (`builder-<level>`). */
export interface BuilderActivities {
  /** Gives the reason when the base cannot be had. */
  importBase(input: ImportBaseInput): Promise<{ readonly unavailable?: string }>;
  /** Resolves a base anew; what it was counts where that fails. */
  renewBase(input: RenewBaseInput): Promise<RenewedBase>;
  buildImage(input: BuildImageInput): Promise<BuiltImage>;
}

/** Activity of the shared runner queue (`runner-<level>`), and of an engine's own, which claims if it has a slot free at once. */
export interface ClaimActivities {
  claimRun(input: QueuedRun): Promise<ClaimedRun | EndedTask>;
}

/** The same as a question who stands beside the engine of a run that is claimed. */
export interface ReclaimActivities {
  claimRun(input: RunInput): Promise<ClaimedRun>;
}

/** The same for those who go where they are sent. */
export interface ReferringActivities {
  claimRun(input: ReferableRun): Promise<ClaimedRun | EndedTask | ReferredRun>;
}

/** Activities of one engine's queue (`runner-<level>@<engineId>`). */
export interface RunnerActivities {
  loadImage(input: RunInput): Promise<LoadedImage>;
  runContainer(input: RunContainerInput): Promise<ContainerResult>;
  /** A list of what was saved that is too long for an answer stays in the store. */
  saveArtifacts(input: SaveArtifactsInput): Promise<SavedArtifacts>;
}
