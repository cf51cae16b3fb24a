import type { ContainerSpec } from '../engine.ts';

/** A container made of what a kept one has, for one shell. */
export interface OpenedContainer {
  /** The engine's id. */
  readonly id: string;
  /** Removes it, and the image that it was made of. */
  close(): Promise<void>;
}

/** Containers of runs that failed, stopped, for those who want to look into them. They are removed like others, by their name. */
export interface KeptContainers {
  /** Keeps a container that has ended, by its {@link keptName} and without its network. Safe to repeat; no error when it is gone. */
  keep(name: string): Promise<void>;
  /**
   * Starts a container with the files of a kept one and none of its processes, which waits for shells; undefined when the engine has
   * none of that name. Of its volumes it has those at `volumes`, the others are not there. It ends with this process.
   * @throws {ContainerStartFailed} when its image has no `/bin/sh`.
   */
  open(
    name: string,
    options: {
      readonly spec: Omit<ContainerSpec, 'name' | 'engineImageId' | 'volumes' | 'isIdle'>;
      /** Paths. */
      readonly volumes: readonly string[];
      readonly signal: AbortSignal;
    },
  ): Promise<OpenedContainer | undefined>;
  /** Removes what of {@link open} a process has left that was killed. */
  sweep(): Promise<void>;
}
