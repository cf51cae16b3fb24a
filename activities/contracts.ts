import type {
  ImportBaseInput,
  RefreshInput,
  RenewBaseInput,
  RenewedBase,
} from '../model/pure/base-payloads.ts';
import type {
  BuildImageInput,
  BuiltImage,
  ClaimedRun,
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
  RequestImagesInput,
  RunContainerInput,
  RunInput,
  SaveArtifactsInput,
  SavedArtifacts,
} from '../model/pure/payloads.ts';
import type { SettleInput, Settled } from '../model/pure/settle-payloads.ts';
import type { CollectInput, CollectionReport } from '../model/schema/collection.ts';

/** Activities of control workers (`control-<level>`). */
export interface ControlActivities {
  planPush(input: PlanPushInput): Promise<PlannedPush>;
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

/** Activity of the shared runner queue (`runner-<level>`). */
export interface ClaimActivities {
  claimRun(input: RunInput): Promise<ClaimedRun>;
}

/** Activities of one engine's queue (`runner-<level>@<engineId>`). */
export interface RunnerActivities {
  loadImage(input: RunInput): Promise<LoadedImage>;
  runContainer(input: RunContainerInput): Promise<ContainerResult>;
  saveArtifacts(input: SaveArtifactsInput): Promise<SavedArtifacts>;
}
