/** Whose an error is to mend: the author of the tree, those who run Slipway, or Slipway's developers. */
export type ErrorOwner = 'author' | 'operator' | 'slipway';

export interface ErrorEntry {
  readonly owner: ErrorOwner;
  /** Whether the same step may succeed when repeated unchanged. */
  readonly retryable: boolean;
  readonly meaning: string;
  readonly next: string;
}

/** Every error type with its policy. `docs/errors.md` shows this table; a test keeps both in step. */
export const ERRORS = {
  InvalidInput: {
    owner: 'author',
    retryable: false,
    meaning: 'A text of the tree or an argument is wrong; every finding is listed.',
    next: 'Mend the findings and push again.',
  },
  ConfigInvalid: {
    owner: 'operator',
    retryable: false,
    meaning: 'The server configuration or the environment is wrong.',
    next: 'Mend the configuration and start again.',
  },
  NotFound: {
    owner: 'author',
    retryable: false,
    meaning: 'No push, task, image or artifact has that name.',
    next: 'Look at the name; `slipway pushes` and `slipway artifacts` list what there is.',
  },
  RepositoryUnavailable: {
    owner: 'operator',
    retryable: true,
    meaning: 'The repository could not be reached or read, or is being fetched for another push.',
    next: 'Slipway tries again; then the push ends as repository-unavailable, and a run of a task as worker-lost.',
  },
  RevisionNotFound: {
    owner: 'author',
    retryable: false,
    meaning: 'The revision is not in the repository, or not reachable from its ref.',
    next: 'Push the revision first. A task that was planned when it was there ends as resource-unavailable.',
  },
  ProjectNotFound: {
    owner: 'operator',
    retryable: false,
    meaning: 'No project of the configuration names this repository and ref.',
    next: 'Have a project name the repository, and the ref, under `sources` in slipway.config.yml.',
  },
  NotGranted: {
    owner: 'operator',
    retryable: false,
    meaning: 'A task that is to run again asks for what the server configuration does not grant any more.',
    next: 'Nothing runs again. Grant it in slipway.config.yml, or run other tasks again.',
  },
  BaseUnavailable: {
    owner: 'author',
    retryable: false,
    meaning: 'A base image is neither in the store nor to be had from outside.',
    next: 'The images that need it fail; the next push tries again.',
  },
  ImageBuildFailed: {
    owner: 'author',
    retryable: false,
    meaning: 'A step of a Dockerfile failed.',
    next: 'Tasks that need the image are not run; the next push builds again.',
  },
  ImageHashMismatch: {
    owner: 'slipway',
    retryable: false,
    meaning: 'The builder computed another hash than the plan.',
    next: 'The build is refused.',
  },
  ImageUnavailable: {
    owner: 'author',
    retryable: false,
    meaning: 'The image of a task cannot be had or read.',
    next: 'The task ends as resource-unavailable.',
  },
  ImageTarRefused: {
    owner: 'author',
    retryable: false,
    meaning: 'A tarball is no image that can be used: broken, of another kind, or made to do harm.',
    next: 'Nothing of it is used; a task that wants it ends as resource-unavailable.',
  },
  EngineUnavailable: {
    owner: 'operator',
    retryable: true,
    meaning: 'The Docker Engine does not answer.',
    next: 'Slipway tries again.',
  },
  EngineRequestFailed: {
    owner: 'operator',
    retryable: true,
    meaning: 'The Docker Engine refused a request.',
    next: 'Slipway tries again where that can help.',
  },
  EngineOutOfSpace: {
    owner: 'operator',
    retryable: true,
    meaning: 'The disk of the Docker Engine is full.',
    next: 'Free space; Slipway tries again.',
  },
  EngineOutOfNetworks: {
    owner: 'operator',
    retryable: true,
    meaning: 'The Docker Engine has addresses for no further network, and each container has one of its own.',
    next: 'A run or a build waits until one is free. Remove networks there, or give the engine more addresses (`default-address-pools`).',
  },
  MachineBusy: {
    owner: 'operator',
    retryable: true,
    meaning:
      'A runner has not free what a task says it needs (memory, processors, disk), or its clock is minutes off the store’s.',
    next: 'The run waits, and no run is spent: whichever runner has it free takes it. A clock that is off has to be set right.',
  },
  TransferFailed: {
    owner: 'operator',
    retryable: true,
    meaning: 'An image could not be moved between engine and store.',
    next: 'Slipway repeats the transfer; what arrived stays.',
  },
  ContainerStartFailed: {
    owner: 'author',
    retryable: false,
    meaning: 'The command of a task could not be started.',
    next: 'The task ends as failed.',
  },
  ContainerLost: {
    owner: 'operator',
    retryable: false,
    meaning:
      'The container of a run was removed, or stopped by its engine, before the command had ended by itself; or none could be made of its image.',
    next: 'The run ends as worker-lost and a new one starts while retries last.',
  },
  StoreUnavailable: {
    owner: 'operator',
    retryable: true,
    meaning: 'The S3 store does not answer or refuses.',
    next: 'Slipway tries again.',
  },
  StoreOutOfSpace: {
    owner: 'operator',
    retryable: true,
    meaning: 'The disk or the quota of the S3 store is full.',
    next: 'Make space there; Slipway tries again.',
  },
  BlobNotFound: {
    owner: 'operator',
    retryable: false,
    meaning: 'A blob that a record names is not in the store.',
    next: 'The image is built again by whoever needs it next.',
  },
  ImageDamaged: {
    owner: 'operator',
    retryable: false,
    meaning: 'A stored image lacks a part, or a part has other bytes than its digest says.',
    next: 'The part is removed, the image made again, and the task goes on; look at the disk of the store.',
  },
  DigestMismatch: {
    owner: 'operator',
    retryable: false,
    meaning: 'Stored or sent bytes have another digest than their name.',
    next: 'The bytes are not used.',
  },
  WriteConflict: {
    owner: 'operator',
    retryable: true,
    meaning: 'Another writer changed an object first.',
    next: 'Slipway reads it again and decides anew.',
  },
  InputUnavailable: {
    owner: 'author',
    retryable: false,
    meaning: 'An artifact that a task takes as input cannot be had.',
    next: 'The task ends as resource-unavailable.',
  },
  PathUnusable: {
    owner: 'author',
    retryable: false,
    meaning: 'A task wants a file or directory where its image has the other of the two.',
    next: 'The task ends as malformed-payload; name another path.',
  },
  DeviceUnavailable: {
    owner: 'operator',
    retryable: false,
    meaning: 'The machine of a run has not the device that the task was granted.',
    next: 'The task ends as resource-unavailable; give the machine the device, or take the grant away.',
  },
  SecretUnavailable: {
    owner: 'operator',
    retryable: false,
    meaning: 'The worker has no value of a secret that the task was granted, or one too short to be masked.',
    next: 'The task ends as resource-unavailable; give the worker the secret.',
  },
  RunSuperseded: {
    owner: 'operator',
    retryable: true,
    meaning: 'Another attempt or a newer run of the task counts; this one was given up.',
    next: 'An attempt that counts goes on; nothing is uploaded twice.',
  },
  VersionTooOld: {
    owner: 'operator',
    retryable: true,
    meaning:
      'A newer version of Slipway wrote a record that the one on this machine does not know how to read.',
    next: 'Upgrade Slipway there. A run waits until a runner that can read it takes it, and none is spent.',
  },
  TemporalUnavailable: {
    owner: 'operator',
    retryable: true,
    meaning: 'The Temporal server does not answer.',
    next: 'What runs goes on; records can be read meanwhile. Type it again: a push that was started all the same is joined.',
  },
  PushEnding: {
    owner: 'operator',
    retryable: true,
    meaning:
      'A new round of a push is asked for that was cancelled, or whose place a newer one has taken, and that has not ended yet.',
    next: 'Slipway waits for its end, some minutes at most. Type it again once the push has its verdict.',
  },
  StackUnavailable: {
    owner: 'operator',
    retryable: false,
    meaning: 'No stack runs here and none is named by the environment, or its store does not answer.',
    next: 'Type `slipway up`, or set `SLIPWAY_HOME` to the directory where it runs.',
  },
  SetupFailed: {
    owner: 'operator',
    retryable: false,
    meaning: 'A part that Slipway needs cannot be had on this machine.',
    next: 'Do what the message says and run it again.',
  },
  InternalError: {
    owner: 'slipway',
    retryable: false,
    meaning: 'Slipway met a case that it does not know.',
    next: 'Report it with the log.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorType = keyof typeof ERRORS;
