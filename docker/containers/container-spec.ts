import type { MountedVolume } from '../volumes.ts';

export interface ContainerSpec {
  /** Deterministic: creating one that exists adopts it. */
  readonly name: string;
  readonly engineImageId: string;
  /** Undefined: the image's own command. The image's entrypoint is kept. */
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Instead of any command it waits until it is removed, for those who want a shell in it; takes a `/bin/sh`. */
  readonly isIdle?: boolean;
  /** Where the command starts; undefined: the image's own working directory. */
  readonly workingDirectory?: string;
  /** `user` or `user:group`, by names of the image or numbers; undefined: the image's own. */
  readonly user?: string;
  /** none: only its loopback; default: a network of its own. */
  readonly network?: 'none';
  readonly labels: Readonly<Record<string, string>>;
  readonly resources: {
    readonly memoryBytes?: number;
    readonly cpus?: number;
    readonly pids: number;
    readonly shmBytes: number;
  };
  /** Socket of its private engine, as `PrivateEngines.make` gave it; it stands at `/var/run/docker.sock` then. */
  readonly dockerSocket?: string;
  readonly volumes?: readonly MountedVolume[];
  /** What it prints is data: no byte of it changes, but the end of a line of more than 16 KiB, which Docker 20.10 then leaves out. */
  readonly printsData?: boolean;
  /** Whether its processes may look into each other: debuggers, sanitizers. */
  readonly allowPtrace?: boolean;
  /** Whether its system calls are not filtered. */
  readonly disableSeccomp?: boolean;
  /** Devices of the engine's machine that it has too, under the same paths. */
  readonly devices?: readonly string[];
}

export interface ContainerState {
  readonly id: string;
  readonly state: 'created' | 'running' | 'exited';
  /** ISO times by the engine's clock, absent while they have not come. */
  readonly created: string;
  readonly started?: string;
  readonly finished?: string;
  readonly exitCode?: number;
  readonly outOfMemory: boolean;
  /** What its image has to stand before every command, if anything. */
  readonly entrypoint?: readonly string[];
  /** Somebody is just removing it, which ends its command too. */
  readonly isBeingRemoved?: boolean;
}
