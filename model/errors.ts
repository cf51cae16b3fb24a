import type { Finding } from './findings.ts';
import { formatFinding } from './findings.ts';

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
    meaning: 'The repository could not be reached or read.',
    next: 'Slipway tries again; then the push ends as repository-unavailable.',
  },
  RevisionNotFound: {
    owner: 'author',
    retryable: false,
    meaning: 'The revision is not in the repository, or not reachable from its ref.',
    next: 'Push the revision first.',
  },
  ProjectNotFound: {
    owner: 'operator',
    retryable: false,
    meaning: 'No project of the configuration names this repository and ref.',
    next: 'Add the repository to `sources` in slipway.config.yml.',
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
  StoreUnavailable: {
    owner: 'operator',
    retryable: true,
    meaning: 'The S3 store does not answer or refuses.',
    next: 'Slipway tries again.',
  },
  BlobNotFound: {
    owner: 'operator',
    retryable: false,
    meaning: 'A blob that a record names is not in the store.',
    next: 'The image is built again by the next push that needs it.',
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
  RunSuperseded: {
    owner: 'operator',
    retryable: false,
    meaning: 'A newer run of the task counts; this one was given up.',
    next: 'Its container is removed, nothing is uploaded.',
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

const MARK = Symbol.for('slipway.error');

/** Base of all errors that Slipway throws on purpose. `type` is stable; the message is for people. */
export abstract class SlipwayError extends Error {
  abstract readonly type: ErrorType;
  readonly [MARK] = true;

  /** Whether the same step may succeed when repeated unchanged. A class may know better than its entry. */
  get retryable(): boolean {
    return ERRORS[this.type].retryable;
  }

  override get name(): string {
    return this.type;
  }
}

/** Whether a value is a {@link SlipwayError}. By symbol, since `instanceof` fails across the realms of jest and the workflow sandbox. */
export function isSlipwayError(value: unknown): value is SlipwayError {
  return typeof value === 'object' && value !== null && MARK in value;
}

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
  constructor(imageName: string, failed: FailedStep, detail: string, options?: ErrorOptions) {
    const where = failed.step ? ` in step "${failed.step}"` : '';
    const code = failed.exitCode === undefined ? '' : ` with exit code ${failed.exitCode}`;
    super(`Build of image "${imageName}" failed${where}${code}: ${detail}`, options);
    this.imageName = imageName;
    this.failed = failed;
  }
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

/** Thrown when an image could not be moved between an engine and the store. */
export class TransferFailed extends SlipwayError {
  readonly type = 'TransferFailed';
  constructor(direction: 'publish' | 'load', image: string, detail: string, options?: ErrorOptions) {
    super(`Could not ${direction} image ${image}: ${detail}`, options);
  }
}

/** Thrown when the command of a task could not be started (not found, not executable). */
export class ContainerStartFailed extends SlipwayError {
  readonly type = 'ContainerStartFailed';
  readonly exitCode: number;
  constructor(detail: string, exitCode: number, options?: ErrorOptions) {
    super(`The command could not be started: ${detail}`, options);
    this.exitCode = exitCode;
  }
}

/** Thrown when the store does not answer, or answers with an error that has no class of its own. */
export class StoreUnavailable extends SlipwayError {
  readonly type = 'StoreUnavailable';
  constructor(operation: string, bucket: string, key: string, detail: string, options?: ErrorOptions) {
    super(`Store: ${operation} failed [bucket=${bucket}, key=${key}]: ${detail}`, options);
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

/** Thrown when a newer run of a task counts and this one must not go on. */
export class RunSuperseded extends SlipwayError {
  readonly type = 'RunSuperseded';
  constructor(taskId: string, run: number) {
    super(`Run ${run} of ${taskId} was superseded`);
  }
}

/** Thrown when a part that Slipway needs cannot be had: what is missing, why, and what to type. */
export class SetupFailed extends SlipwayError {
  readonly type = 'SetupFailed';
  constructor(missing: string, why: string, type: string, options?: ErrorOptions) {
    super(`${missing}: ${why}. ${type}`, options);
  }
}

/** Thrown when Slipway meets a case that it does not know. */
export class InternalError extends SlipwayError {
  readonly type = 'InternalError';
}
