import type { Labelled } from '../volumes.ts';

export interface PrivateEngineSpec {
  /** Name of the task's container that it is for. */
  readonly container: string;
  /** Of the sidecar, as this engine knows it. */
  readonly image: string;
  /** Makes that image where it was pruned. */
  readonly makeImage: (signal: AbortSignal) => Promise<void>;
  readonly labels: Readonly<Record<string, string>>;
  /** The same again as the task itself has. */
  readonly resources: { readonly memoryBytes?: number; readonly cpus?: number; readonly pids: number };
}

export interface PrivateEngineState {
  readonly isRunning: boolean;
  readonly outOfMemory: boolean;
}

/** Engines that belong to one task's container each: sidecars of this engine, reached through a filter, thrown away with the task. */
export interface PrivateEngines {
  /**
   * Makes one anew, whatever is there of an earlier one, on the network of the task's container under the name `docker`. Gives
   * the filter's socket when it answers, and the engine's version. @throws {EngineUnavailable} with the end of its log.
   */
  make(
    spec: PrivateEngineSpec,
    signal: AbortSignal,
  ): Promise<{ readonly socket: string; readonly version?: string }>;
  state(container: string): Promise<PrivateEngineState>;
  /** Ends when the private engine has ended, or is not there. */
  follow(
    container: string,
    options: {
      readonly signal: AbortSignal;
      /** Not what was refused before. */
      readonly onlyNew: boolean;
      readonly onRefused: (what: string) => void;
    },
  ): Promise<void>;
  /** Removes it with its data; no error when it is gone. */
  remove(container: string): Promise<void>;
  /** Those with these labels, of which anything is left; `name` is the task's container. */
  list(labels: Readonly<Record<string, string>>): Promise<readonly Labelled[]>;
}
