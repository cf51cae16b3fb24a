import { EMPTY_DIRECTORY } from '../model/pure/artifact-names.ts';
import type { Plan } from '../model/schema/plan.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';

/** Finds the artifact that a task takes, or the files of a directory. @throws {InputUnavailable} */
export type FindInput = (
  plan: Plan,
  from: { readonly task: string; readonly artifact: string },
) => Promise<readonly InputFile[]>;

export interface InputFile {
  readonly taskId: string;
  readonly run: number;
  readonly record: ArtifactRecord;
}

/** What a run has left under a name, or below it. */
export function filesOf(
  {
    taskId,
    run,
    artifacts,
  }: {
    readonly taskId: string;
    readonly run: number;
    readonly artifacts: readonly ArtifactRecord[];
  },
  artifact: string,
): readonly InputFile[] {
  const records = artifacts.filter(({ name }) => isPartOf(name, artifact));
  return records.map((record) => ({ taskId, run, record }));
}

/** Whether a file is the artifact of a name, or below it where that is a directory. */
export function isPartOf(file: string, artifact: string): boolean {
  return file === artifact || file.startsWith(`${artifact}/`);
}

/** Whether a record stands for a directory without a file. */
export function isEmptyDirectory({ contentType, sizeBytes }: ArtifactRecord): boolean {
  return contentType === EMPTY_DIRECTORY && sizeBytes === 0;
}
