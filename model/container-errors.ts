import { SlipwayError } from './slipway-error.ts';

/** Thrown when the command of a task could not be started (not found, not executable). */
export class ContainerStartFailed extends SlipwayError {
  readonly type = 'ContainerStartFailed';
  readonly exitCode: number;
  constructor(detail: string, exitCode: number, options?: ErrorOptions) {
    super(`The command could not be started: ${detail}`, options);
    this.exitCode = exitCode;
  }
}

/** Thrown when the container of a run went away, or its engine took it down, before its command had ended by itself; or there came to be none. */
export class ContainerLost extends SlipwayError {
  readonly type = 'ContainerLost';
}

/** Thrown when nothing can be put at a path of a container, since its image has something else there. */
export class PathUnusable extends SlipwayError {
  readonly type = 'PathUnusable';
  readonly path: string;
  constructor(path: string, detail: string, options?: ErrorOptions) {
    super(`Nothing can be put at "${path}": ${detail}`, options);
    this.path = path;
  }
}

/** Thrown when a machine has not, or does not give, a device that a task was granted. */
export class DeviceUnavailable extends SlipwayError {
  readonly type = 'DeviceUnavailable';
  readonly device: string;
  constructor(device: string, detail: string, options?: ErrorOptions) {
    super(`The machine of the run has no ${device}: ${detail}`, options);
    this.device = device;
  }
}
