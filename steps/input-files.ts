import { EMPTY_DIRECTORY } from '../model/pure/artifact-names.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { ArtifactRecord, RunRecord } from '../model/schema/records.ts';
import type { TaskLog } from './task-log.ts';

/** Finds the artifact that a task takes, or the files of a directory; none where an optional one was not left. @throws {InputUnavailable} */
export type FindInput = (
  plan: Plan,
  from: { readonly task: string; readonly artifact: string; readonly optional?: true | undefined },
) => Promise<readonly InputFile[]>;

export interface InputFile {
  readonly taskId: string;
  /** -1: of a task that had none there is its log. */
  readonly run: number;
  readonly record: TaskLog['record'];
  /** Of the log of a task that lies nowhere as a whole. */
  readonly open?: TaskLog['open'];
}

export interface LeftByTask {
  readonly taskId: string;
  /** Of its runs the one that counts. */
  readonly run: Pick<RunRecord, 'run' | 'artifacts'> | undefined;
  /** In place of that of the run. */
  readonly log: TaskLog | undefined;
}

/** What a task has left under a name, or below it. */
export function filesOf({ taskId, run, log }: LeftByTask, artifact: string): readonly InputFile[] {
  const number = run?.run ?? -1;
  const artifacts = run?.artifacts.filter(({ name }) => isPartOf(name, artifact)) ?? [];
  const records = log ? artifacts.filter(({ name }) => name !== log.record.name) : artifacts;
  const files = records.map((record) => ({ taskId, run: number, record }));
  const isLogPart = log !== undefined && isPartOf(log.record.name, artifact);
  return isLogPart ? [...files, { taskId, run: number, ...log }] : files;
}

/** Whether a file is the artifact of a name, or below it where that is a directory. */
export function isPartOf(file: string, artifact: string): boolean {
  return file === artifact || file.startsWith(`${artifact}/`);
}

/** Whether a record stands for a directory without a file. */
export function isEmptyDirectory({
  contentType,
  sizeBytes,
}: Pick<ArtifactRecord, 'contentType' | 'sizeBytes'>): boolean {
  return contentType === EMPTY_DIRECTORY && sizeBytes === 0;
}
