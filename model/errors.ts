import type { Finding } from './findings.ts';
import { formatFinding } from './findings.ts';
import { shorten } from './shorten.ts';
import { SlipwayError } from './slipway-error.ts';

/** Of a step, in a message: the log has it whole. */
const STEP_SHOWN = 120;

export { ContainerLost, ContainerStartFailed, DeviceUnavailable, PathUnusable } from './container-errors.ts';
export { NotGranted, PushEnding } from './push-errors.ts';
export { isSlipwayError, SlipwayError } from './slipway-error.ts';

/** Thrown when a text of the tree or an argument is wrong. Carries every finding, not only the first. */
export class InvalidInput extends SlipwayError {
  readonly type = 'InvalidInput';
  readonly findings: readonly Finding[];
  constructor(findings: readonly Finding[]) {
    super(findings.map(formatFinding).join('\n'));
    this.findings = findings;
  }
}

/** Thrown when the server configuration or the environment is wrong. */
export class ConfigInvalid extends SlipwayError {
  readonly type = 'ConfigInvalid';
}

/** Thrown when a person names a push, task, image or artifact that does not exist. */
export class NotFound extends SlipwayError {
  readonly type = 'NotFound';
}

/** Thrown when a repository cannot be reached or read. */
export class RepositoryUnavailable extends SlipwayError {
  readonly type = 'RepositoryUnavailable';
  readonly repository: string;
  constructor(repository: string, detail: string, options?: ErrorOptions) {
    super(`Repository ${repository} cannot be read: ${detail}`, options);
    this.repository = repository;
  }
}

/** Thrown when a revision is not in a repository, or not reachable from the ref that was named. */
export class RevisionNotFound extends SlipwayError {
  readonly type = 'RevisionNotFound';
  readonly repository: string;
  readonly revision: string;
  constructor(repository: string, revision: string, detail = 'is not in the repository') {
    super(`Revision ${revision} ${detail} (${repository})`);
    this.repository = repository;
    this.revision = revision;
  }
}

/** Thrown when no project of the configuration names a repository, or none of its refs matches. */
export class ProjectNotFound extends SlipwayError {
  readonly type = 'ProjectNotFound';
}

/** Thrown when a base image is neither recorded in the store nor to be had from outside. */
export class BaseUnavailable extends SlipwayError {
  readonly type = 'BaseUnavailable';
  readonly reference: string;
  constructor(reference: string, detail: string, options?: ErrorOptions) {
    super(`Base image "${reference}" cannot be had: ${detail}`, options);
    this.reference = reference;
  }
}

export interface FailedStep {
  /** The step as the Dockerfile has it, for example `RUN make`; undefined when the build failed before its first step. */
  readonly step?: string | undefined;
  readonly exitCode?: number | undefined;
  readonly lastLines: readonly string[];
}

/** Thrown when a step of a Dockerfile failed. */
export class ImageBuildFailed extends SlipwayError {
  readonly type = 'ImageBuildFailed';
  readonly imageName: string;
  readonly failed: FailedStep;
  /** Why, for the most part in the engine's words. */
  readonly detail: string;
  constructor(imageName: string, failed: FailedStep, detail: string, options?: ErrorOptions) {
    const where = failed.step ? ` in step "${shortStep(failed.step)}"` : '';
    // What the engine says beside an exit code is the step and the code once more.
    const why = failed.exitCode === undefined ? `: ${detail}` : ` with exit code ${failed.exitCode}`;
    super(`Build of image "${imageName}" failed${where}${why}`, options);
    this.imageName = imageName;
    this.failed = failed;
    this.detail = detail;
  }

  /** What the build said last, in one text. */
  get lastWords(): string {
    return [...this.failed.lastLines, this.message].join('\n');
  }
}

/** The first line of a step, shortened. */
function shortStep(step: string): string {
  const line = step.split('\n', 1)[0] ?? '';
  return shorten(line === step ? line : `${line} …`, STEP_SHOWN);
}

/** Thrown when a builder computes another hash than the plan. */
export class ImageHashMismatch extends SlipwayError {
  readonly type = 'ImageHashMismatch';
  constructor(imageName: string, expected: string, got: string) {
    super(`Image "${imageName}": expected hash ${expected}, got ${got}`);
  }
}

/** Thrown when the image of a task cannot be had or read and repeating would not help. */
export class ImageUnavailable extends SlipwayError {
  readonly type = 'ImageUnavailable';
  constructor(image: string, detail: string, options?: ErrorOptions) {
    super(`Image "${image}" cannot be used: ${detail}`, options);
  }
}

/** Thrown when a tarball is no image that can be used: what is wrong with it does not go away by reading it again. */
export class ImageTarRefused extends SlipwayError {
  readonly type = 'ImageTarRefused';
  readonly detail: string;
  constructor(detail: string, options?: ErrorOptions) {
    super(`The image tar cannot be read: ${detail}`, options);
    this.detail = detail;
  }
}

/** Thrown when a Docker Engine does not answer. */
export class EngineUnavailable extends SlipwayError {
  readonly type = 'EngineUnavailable';
  constructor(engine: string, detail: string, options?: ErrorOptions) {
    super(`Docker Engine at ${engine} does not answer: ${detail}`, options);
  }
}

/** Thrown when a Docker Engine answers a request with an error that has no class of its own. */
export class EngineRequestFailed extends SlipwayError {
  readonly type = 'EngineRequestFailed';
  readonly statusCode: number | undefined;
  constructor(operation: string, statusCode: number | undefined, detail: string, options?: ErrorOptions) {
    super(
      `Docker Engine: ${operation} failed${statusCode ? ` [status=${statusCode}]` : ''}: ${detail}`,
      options,
    );
    this.statusCode = statusCode;
  }
  /** A refusal (4xx) stays one; trouble inside the engine may pass. */
  override get retryable(): boolean {
    return this.statusCode === undefined || this.statusCode >= 500;
  }
}

/** Thrown when the disk of a Docker Engine is full. */
export class EngineOutOfSpace extends SlipwayError {
  readonly type = 'EngineOutOfSpace';
}

/** Thrown when a Docker Engine has addresses for no further network. */
export class EngineOutOfNetworks extends SlipwayError {
  readonly type = 'EngineOutOfNetworks';
}

/** Thrown when a run is not claimed because the machine has not free what its task says it needs. */
export class MachineBusy extends SlipwayError {
  readonly type = 'MachineBusy';
}

/** Thrown when an image could not be moved between an engine and the store. */
export class TransferFailed extends SlipwayError {
  readonly type = 'TransferFailed';
  constructor(direction: 'publish' | 'load', image: string, detail: string, options?: ErrorOptions) {
    super(`Could not ${direction} image ${image}: ${detail}`, options);
  }
}

/** Thrown when the store does not answer, or answers with an error that has no class of its own. */
export class StoreUnavailable extends SlipwayError {
  readonly type = 'StoreUnavailable';
  constructor(operation: string, bucket: string, key: string, detail: string, options?: ErrorOptions) {
    super(`Store: ${operation} failed [bucket=${bucket}, key=${key}]: ${detail}`, options);
  }
}

/** Thrown when the disk or the quota of the store is full. */
export class StoreOutOfSpace extends SlipwayError {
  readonly type = 'StoreOutOfSpace';
  constructor(operation: string, bucket: string, key: string, detail: string, options?: ErrorOptions) {
    super(`The store is full: ${operation} failed [bucket=${bucket}, key=${key}]: ${detail}`, options);
  }
}

/** Thrown when a blob that is asked for is not in the store. */
export class BlobNotFound extends SlipwayError {
  readonly type = 'BlobNotFound';
  readonly digest: string;
  constructor(digest: string) {
    super(`Blob ${digest} is not in the store`);
    this.digest = digest;
  }
}

/** Thrown when bytes have another digest (or length) than the one they were announced under. */
export class DigestMismatch extends SlipwayError {
  readonly type = 'DigestMismatch';
  readonly expected: string;
  readonly got: string;
  constructor(what: string, expected: string, got: string) {
    super(`${what}: expected ${expected}, got ${got}`);
    this.expected = expected;
    this.got = got;
  }
}

/** Thrown when a stored image lacks a part, or has one whose bytes are not those of its digest. `digest` names the part. */
export class ImageDamaged extends SlipwayError {
  readonly type = 'ImageDamaged';
  readonly manifestDigest: string;
  readonly digest: string;
  constructor(manifestDigest: string, digest: string, detail: string, options?: ErrorOptions) {
    super(`Stored image ${manifestDigest} is damaged: ${detail}`, options);
    this.manifestDigest = manifestDigest;
    this.digest = digest;
  }
}

/** Thrown when a conditional write found the object changed or already there. */
export class WriteConflict extends SlipwayError {
  readonly type = 'WriteConflict';
  readonly key: string;
  constructor(key: string) {
    super(`Object ${key} was changed by another writer`);
    this.key = key;
  }
}

/** Thrown when an artifact that a task takes as input cannot be had. */
export class InputUnavailable extends SlipwayError {
  readonly type = 'InputUnavailable';
}

/** Thrown when a worker has no value of a secret that a task was granted, or one that can't be kept out of a log. */
export class SecretUnavailable extends SlipwayError {
  readonly type = 'SecretUnavailable';
  constructor(name: string, detail: string) {
    super(`Secret ${name} cannot be given to the task: ${detail}`);
  }
}

/** Thrown when a newer run of a task counts and this one must not go on. */
export class RunSuperseded extends SlipwayError {
  readonly type = 'RunSuperseded';
  constructor(taskId: string, run: number) {
    super(`Run ${run} of ${taskId} was superseded`);
  }
}

/** Thrown when a client's request is not answered by the Temporal server. */
export class TemporalUnavailable extends SlipwayError {
  readonly type = 'TemporalUnavailable';
  constructor(address: string, detail: string, options?: ErrorOptions) {
    super(`Temporal at ${address} does not answer: ${detail}`, options);
  }
}

/** Thrown when what is asked for takes a running stack, and none is here or its store does not answer. */
export class StackUnavailable extends SlipwayError {
  readonly type = 'StackUnavailable';
}

/** Thrown when a part that Slipway needs cannot be had: what is missing, why, and what to type. */
export class SetupFailed extends SlipwayError {
  readonly type = 'SetupFailed';
  constructor(missing: string, why: string, type: string, options?: ErrorOptions) {
    super(`${missing}: ${why}. ${type}`, options);
  }
}

/** Thrown when a record has what this version of Slipway does not know, since a newer one wrote it. */
export class VersionTooOld extends SlipwayError {
  readonly type = 'VersionTooOld';
  constructor(machine: string, record: string, detail: string, options?: ErrorOptions) {
    super(
      `Slipway on ${machine} is too old for ${record}, which a newer version wrote (${detail}): upgrade it there`,
      options,
    );
  }
}

/** Thrown when Slipway meets a case that it does not know. */
export class InternalError extends SlipwayError {
  readonly type = 'InternalError';
}
