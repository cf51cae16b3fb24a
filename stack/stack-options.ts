import type { Connections } from '../model/schema/connections.ts';

/** One line for people about the part of the stack that is being set up, started or stopped. */
export interface StackProgress {
  /** For example `temporal`, `s3`, `engine`, `base image`, or the name of a worker. */
  readonly part: string;
  /** `done` and `failed` end what `start` began; `note` stands for itself. */
  readonly state: 'start' | 'note' | 'done' | 'failed';
  readonly message: string;
  /** Since the beginning of this part's step. */
  readonly elapsedMs: number;
}

export interface StackOptions {
  /** `SLIPWAY_HOME`, or `.slipway` of the directory where `up` runs. Made when absent. */
  readonly stateDirectory: string;
  readonly onProgress: (line: StackProgress) => void;
  /** Ends setting up and starting; a started stack is ended by its `stop`. */
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
}

/** A process that is kept running beside the services. */
export interface WorkerProcess {
  /** Unique in the stack; also names its log, `<state>/logs/<name>.log`. */
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** Added to the environment that the stack was started with. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where the programs of the stack are; undefined where a given service makes one unnecessary. */
export interface Tools {
  readonly temporal: string | undefined;
  readonly versitygw: string | undefined;
  readonly dockerd: string | undefined;
}

export interface RunningStack {
  /** As clients have them. */
  readonly connections: Connections;
  /** The store with all rights. */
  readonly setUpStore: Connections['store'];
  /** Ends workers and services and cleans up after them; data stays. Safe to repeat. */
  stop(): Promise<void>;
}
