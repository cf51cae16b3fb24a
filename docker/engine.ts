import type { Readable } from 'node:stream';
import type { LayerBlob } from '../model/blob-store.ts';
import type { Digest } from '../model/pure/ids.ts';
import type { FailedStep } from '../model/errors.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { PrivateEngines } from './dind/private-engines.ts';
import type { EngineCaches } from './caches/engine-caches.ts';
import type { KeptContainers } from './kept/kept-containers.ts';
import type { ContainerSpec, ContainerState } from './containers/container-spec.ts';
import type { ExecOptions, RunningExec } from './containers/exec-in-container.ts';
import type { OwnParentsOptions } from './containers/own-parents.ts';
import type { FileToPut, PutFilesOptions } from './containers/put-files.ts';
import type { MadeImage } from './images/made-image.ts';
import type { RegistryPull } from './images/pulled-image.ts';
import type { LentLayers } from './transport/lent-layers.ts';
import type { FreedRoom } from './room/freed-room.ts';
import type { Labelled } from './volumes.ts';

export type { ContainerSpec, ContainerState, FailedStep, FreedRoom, LentLayers, RegistryPull };

export interface EngineInfo {
  /** The engine's own id: names its task queue. */
  readonly id: string;
  readonly version: string;
  readonly apiVersion: string;
  /** Which kind of image store it has. */
  readonly imageStore: 'classic' | 'containerd';
  /** Whether it pulls layers that are compressed with zstd: from 23 on. */
  readonly pullsZstd: boolean;
  readonly platform: string;
  readonly rootDirectory: string;
  /** What the registry is called that a reference without a host means: its credentials are kept under that. */
  readonly indexServerAddress?: string;
  /** Whether containers run on while the engine is stopped; else it takes them with it. */
  readonly liveRestore: boolean;
  /** What its clock says, in milliseconds since 1970. */
  readonly time: number;
  readonly memoryBytes: number;
  readonly cpus: number;
}

/** One line of work for people (`message`), with bytes where they are known. */
export interface Progress {
  readonly message: string;
  readonly bytes?: number;
  /** Of all that is to come, where it is known. */
  readonly totalBytes?: number;
  /** The layer that it is about, as the engine names it; `message` begins with it. */
  readonly layer?: string;
}
export type OnProgress = (progress: Progress) => void;

export interface StepOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress;
}

export interface BuildOptions extends StepOptions {
  readonly imageName: string;
  /** The tag that the built image gets in the engine; unique to this build. */
  readonly tag: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly platform?: string;
  /** Names of images in it that people know by others, which they are shown. */
  readonly shownNames?: ReadonlyMap<string, string>;
  /** No step is taken from a cache. */
  readonly fresh?: boolean;
  /** An image whose unchanged steps are not carried out again, if it was built by an engine of this kind. */
  readonly cacheFrom?: LentLayers;
  /** What its `RUN` reach; default: what the engine gives. */
  readonly network?: 'none';
  /** It leaves nothing that counts: no room is made after it. */
  readonly isPassing?: boolean;
  /** Receives the build's output as it comes: what `docker build --progress=plain` would show. */
  readonly onOutput: (text: string) => void;
}

export interface BuildResult {
  /** The engine's own id of the image. */
  readonly engineImageId: string;
  readonly steps: number;
  readonly cachedSteps: number;
  readonly madeRoom?: FreedRoom;
}

export interface PublishResult extends StoredImage {
  /** Bytes that the engine had to send because the store lacked them. */
  readonly bytesUploaded: number;
  readonly way: 'endpoint' | 'tar';
  /** Why all of it moved, where less would have done. */
  readonly fellBack?: string;
}

export interface LoadResult {
  /** What to create containers from, on this engine. */
  readonly engineImageId: string;
  /** Bytes that the engine had to fetch; 0 when the image was there. */
  readonly bytesLoaded: number;
  readonly way: 'present' | 'endpoint' | 'tar';
  /** Why all of it moved, where less would have done. */
  readonly fellBack?: string;
  readonly madeRoom?: FreedRoom;
}

/** Images in one engine: built, found, pulled from outside, moved to and from the store. */
export interface EngineImages {
  /** Builds from a context tar. @throws {ImageBuildFailed} with the step, its exit code and last lines; also for an image without a file. */
  build(context: Readable, options: BuildOptions): Promise<BuildResult>;
  /**
   * Publishes an image of this engine (id or tag) into the store; only missing layers move. `mayConfirm` tells which blobs the endpoint may
   * say are there. @throws {ImageUnavailable} {TransferFailed} {EngineOutOfSpace} {StoreUnavailable} {StoreOutOfSpace}
   */
  publish(
    image: string,
    options: StepOptions & {
      readonly mayConfirm: (digest: Digest) => boolean | Promise<boolean>;
      /** Blobs that are said to unpack to a layer, for the way that goes by layers: hints, each is verified. */
      readonly findLayers?: (diffId: Digest) => Promise<readonly string[]>;
      /** Told of each blob that the engine has sent whole, where it goes by the endpoint. */
      readonly onBlob?: (digest: Digest, sizeBytes: number) => Promise<void>;
      /** Told of each layer of the image and the blob that it is in the store, whichever way it went. */
      readonly onLayer?: (layer: LayerBlob) => Promise<void>;
    },
  ): Promise<PublishResult>;
  /**
   * Makes a stored image usable in this engine under `slipway.invalid/image:<tag>`; only missing layers move. With `hold` (letters
   * and digits) no process removes it for the sake of a disk budget before {@link release} of that, or an hour after the last {@link renew}.
   * `anew` is why nothing of it is taken for present, as when no container can be made of it: what the engine has goes, all of it comes, and
   * `fellBack` says so. So it is with one that cannot be inspected, since the engine's disk has lost a layer.
   * @throws {ImageUnavailable} {TransferFailed} {EngineOutOfSpace}
   */
  load(
    image: StoredImage,
    options: StepOptions & { readonly tag: string; readonly hold?: string; readonly anew?: string },
  ): Promise<LoadResult>;
  /** Lets a build take layers of a stored image (called `slipway.invalid/image:<tag>`); only what the engine needs for that moves. */
  lendLayers(image: StoredImage, options: Parameters<EngineImages['load']>[1]): Promise<LentLayers>;
  /** Lifts the holds of that name. */
  release(hold: string): Promise<void>;
  /** Has the holds of that name count for an hour from now; for work that may take longer. */
  renew(hold: string): Promise<void>;
  /** Says that an image was used now: what is unused for longest is the first to go. With `hold` of one that {@link pull} brought; no error when it is gone. */
  use(image: string, hold?: string): Promise<void>;
  /** Keeps the disk budget where, the last time, too much was in use for that. Asks nothing where it was kept. */
  keepRoom(): Promise<void>;
  /** Removes so many bytes of what may be removed, or nothing where that cannot be enough, as far as sizes are known; without a number all of it. Undefined: nothing was, or there is no budget. */
  makeRoom(bytes?: number): Promise<FreedRoom | undefined>;
  /** Takes away what steps with these words in them have left in the build cache and no image has. */
  forgetSteps(words: string): Promise<void>;
  /** The engine's id of a reference that it has, or undefined. */
  find(reference: string): Promise<string | undefined>;
  /** The same of a name that others serve, with the digest that it has there: no id finds anything, nor a name of ours. */
  findPulled(reference: string): Promise<RegistryPull | undefined>;
  /** The same of an image that containers can be made of: the containerd store takes a tar that lacks layers without a word. */
  findUsable(reference: string): Promise<string | undefined>;
  /** What a reference that it has is made of, and when it was built; undefined when it lacks it. */
  describe(reference: string): Promise<MadeImage | undefined>;
  /**
   * Pulls from outside, for plain images and bases: what the engine takes, or that of a platform. With `hold` it is held as by
   * {@link load}, and goes when it is unused for longest, unless the engine had it before. @throws {ImageUnavailable} when the answer is final.
   */
  pull(
    reference: string,
    options: StepOptions & { readonly platform?: string; readonly hold?: string },
  ): Promise<RegistryPull>;
  /**
   * Digest of what a registry has under a reference now; nothing is pulled. It is the registry's own, which may be that of an
   * index of several platforms. @throws {ImageUnavailable} when the answer is final. @throws {EngineRequestFailed}
   */
  registryDigest(reference: string, signal: AbortSignal): Promise<string>;
  /** Names an image. @throws {EngineUnavailable} when somebody has removed it. */
  tag(image: string, reference: string): Promise<void>;
  /** Removes a reference (or an image by id); no error when it is gone. */
  remove(reference: string): Promise<void>;
}

/** Which of what a command writes. */
export type OutputStreams = 'both' | 'stdout' | 'stderr';

/** Containers of one engine. Everything that it creates carries `slipway.*` labels and is found by them. */
export interface EngineContainers {
  /** Creates the container and its own network, or adopts the one of that name. */
  ensureCreated(spec: ContainerSpec, signal: AbortSignal): Promise<ContainerState>;
  inspect(name: string): Promise<ContainerState | undefined>;
  /** User (uid:gid) that the container's processes run as, to own what is put in. */
  owner(name: string): Promise<{ readonly uid: number; readonly gid: number }>;
  /** Has the directories above what is mounted at these paths belong to `owner`, as far as the image lacks them. @throws {PathUnusable} */
  ownParents(name: string, paths: readonly string[], options: OwnParentsOptions): Promise<void>;
  /** Extracts a tar of files, directories and symlinks at a directory of the container (made if absent), owned by `owner`. Works on a created container. @throws {PathUnusable} */
  putArchive(
    name: string,
    directory: string,
    tar: Readable,
    options: {
      readonly owner?: { readonly uid: number; readonly gid: number };
      readonly signal: AbortSignal;
    },
  ): Promise<void>;
  /**
   * Puts files, with mode 0755 where they are `executable`, else 0644, and makes their parents and `directories` where nothing is. All of
   * it at once: what breaks leaves some of them behind. @throws {PathUnusable}
   */
  putFiles(name: string, files: readonly FileToPut[], options: PutFilesOptions): Promise<void>;
  /** Starts it; no error when it runs or has run. @throws {ContainerStartFailed} when the command cannot be started. @throws {DeviceUnavailable} */
  start(name: string): Promise<void>;
  /** The output from its beginning, stdout and stderr in the order of the engine or one of them, ending when the container exits. */
  output(name: string, signal: AbortSignal, of?: OutputStreams): Promise<Readable>;
  /** Waits for the exit. `onMemory` is told from time to time how many bytes are in use; of a short command never. */
  wait(name: string, signal: AbortSignal, onMemory?: (bytes: number) => void): Promise<ContainerState>;
  kill(name: string): Promise<void>;
  /** Starts a command beside the container's own. */
  exec(name: string, options: ExecOptions): Promise<RunningExec>;
  /** A file's bytes, `executable` if its owner may, or a tar of a directory; undefined when the path is absent. The type is what the container has. */
  readPath(
    name: string,
    path: string,
    signal: AbortSignal,
  ): Promise<
    | {
        readonly type: 'file';
        readonly sizeBytes: number;
        readonly executable: boolean;
        readonly body: Readable;
      }
    | { readonly type: 'directory'; readonly tar: Readable }
    | undefined
  >;
  /** Removes container, its volumes and its network; no error when they are gone. */
  remove(name: string): Promise<void>;
  /** Containers with these labels (value undefined: any). */
  list(
    labels: Readonly<Record<string, string | undefined>>,
  ): Promise<readonly (Labelled & { readonly state: ContainerState['state'] })[]>;
  /** Networks with these labels; {@link remove} of their name removes them, also when their container is gone. */
  networks(labels: Readonly<Record<string, string | undefined>>): Promise<readonly Labelled[]>;
  /** Volumes with these labels. */
  volumes(labels: Readonly<Record<string, string | undefined>>): Promise<readonly Labelled[]>;
  /** Removes a volume; no error when it is gone, or some container has it. */
  removeVolume(name: string): Promise<void>;
}

/** One Docker Engine. */
export interface Engine {
  /** For messages: the address it was connected by. */
  readonly address: string;
  /** Whether it may build for several trust domains and levels: it is no sidecar. */
  readonly isShared: boolean;
  info(): Promise<EngineInfo>;
  readonly images: EngineImages;
  readonly containers: EngineContainers;
  readonly privateEngines: PrivateEngines;
  readonly caches: EngineCaches;
  readonly kept: KeptContainers;
  /** Closes endpoint and connections; the engine itself goes on. */
  close(): Promise<void>;
}
