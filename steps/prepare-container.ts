import type { Engine } from '../docker/engine.ts';
import { InputUnavailable } from '../model/errors.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import type { Plan, PlannedInput, PlannedTask } from '../model/schema/plan.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import type { GitSource } from '../source/git-source.ts';
import type { Store } from '../store/store.ts';
import type { StepContext } from './step-context.ts';

export interface PrepareContainerDeps {
  readonly store: Store;
  readonly engine: Engine;
  readonly source: Pick<GitSource, 'open'>;
  /** Where the task's inputs are; default: in the records of its own push. */
  readonly findInput?: FindInput | undefined;
}

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

interface ContainerOfTask {
  readonly name: string;
  readonly plan: Plan;
  readonly planned: PlannedTask;
}

/**
 * Puts the pushed revision and the task's inputs into a container that is created and not started. Safe to repeat.
 * @throws {InputUnavailable} when an artifact that it takes cannot be had.
 */
export async function prepareContainer(
  deps: PrepareContainerDeps,
  container: ContainerOfTask,
  context: StepContext,
): Promise<void> {
  const { name, plan, planned } = container;
  const { containers } = deps.engine;
  const findInput = deps.findInput ?? inputsOfRound(deps.store);
  const owner = await containers.owner(name);
  if (planned.checkout !== null) {
    // Without the ref: planning has proven that it holds the revision, and it may have moved on since.
    const { repository, revision } = plan;
    const tree = await deps.source.open(repository, { revision, signal: context.signal });
    await containers.putArchive(name, planned.checkout, tree.archive(context.signal), {
      owner,
      signal: context.signal,
    });
  }
  for (const [path, from] of Object.entries(planned.inputs)) {
    const files = 'namespace' in from ? await pinnedFiles(deps.store, from) : await findInput(plan, from);
    for (const file of files) {
      const body = await deps.store.artifacts.read(file.taskId, file.run, file.record.name, context.signal);
      const target =
        file.record.name === from.artifact
          ? path
          : `${path}/${file.record.name.slice(from.artifact.length + 1)}`;
      await containers.putFile(name, target, body, file.record.sizeBytes, { owner, signal: context.signal });
    }
  }
}

/** The artifact of the run that counts, or the files of a directory artifact. */
function inputsOfRound({ tasks }: Store): FindInput {
  return async (plan, from) => {
    const taskId = taskIdIn(plan.pushId, from.task);
    const record = await tasks.find(taskId);
    const run = record?.runs.at(-1);
    // A run of an earlier round is not what this round's dependency left.
    if (!run || record?.plannedAt !== plan.plannedAt) {
      throw new InputUnavailable(`Task "${from.task}" has no run to take "${from.artifact}" from`);
    }
    const files = filesOf({ taskId, run: run.run, artifacts: run.artifacts }, from.artifact);
    if (files.length === 0)
      throw new InputUnavailable(`Task "${from.task}" has no artifact "${from.artifact}" in run ${run.run}`);
    return files;
  };
}

/** What was found by a route at planning, as long as it is there and the same. */
async function pinnedFiles(
  { artifacts }: Store,
  { namespace, artifact, pinned }: Extract<PlannedInput, { readonly namespace: string }>,
): Promise<readonly InputFile[]> {
  if (!pinned)
    throw new InputUnavailable(
      `"${artifact}" is found by its route "${namespace}" in a store, and this was planned without one`,
    );
  const { taskId, run, files } = pinned;
  const found: InputFile[] = [];
  for (const { name, sha256 } of files) {
    const record = await artifacts.find(taskId, run, name);
    if (record?.sha256 !== sha256)
      throw new InputUnavailable(
        `Run ${run} of ${taskId} has ${record ? 'another' : 'no'} "${name}" any more`,
      );
    found.push({ taskId, run, record });
  }
  return found;
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
