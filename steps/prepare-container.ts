import type { Engine } from '../docker/engine.ts';
import { InputUnavailable } from '../model/errors.ts';
import { taskIdIn } from '../model/pure/ids.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import type { GitSource } from '../source/git-source.ts';
import type { Store } from '../store/store.ts';
import type { StepContext } from './step-context.ts';

export interface PrepareContainerDeps {
  readonly store: Store;
  readonly engine: Engine;
  readonly source: GitSource;
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
    for (const file of await findInput(deps.store, plan, from)) {
      const body = await deps.store.artifacts.read(file.taskId, file.run, file.record.name, context.signal);
      const target =
        file.record.name === from.artifact
          ? path
          : `${path}/${file.record.name.slice(from.artifact.length + 1)}`;
      await containers.putFile(name, target, body, file.record.sizeBytes, { owner, signal: context.signal });
    }
  }
}

interface InputFile {
  readonly taskId: string;
  readonly run: number;
  readonly record: ArtifactRecord;
}

/** The artifact of the run that counts, or the files of a directory artifact. */
async function findInput(
  store: Store,
  plan: Plan,
  from: { readonly task: string; readonly artifact: string },
): Promise<readonly InputFile[]> {
  const taskId = taskIdIn(plan.pushId, from.task);
  const record = await store.tasks.find(taskId);
  const run = record?.runs.at(-1);
  // A run of an earlier round is not what this round's dependency left.
  if (!run || record?.plannedAt !== plan.plannedAt) {
    throw new InputUnavailable(`Task "${from.task}" has no run to take "${from.artifact}" from`);
  }
  const records = run.artifacts.filter(
    ({ name }) => name === from.artifact || name.startsWith(`${from.artifact}/`),
  );
  if (records.length === 0)
    throw new InputUnavailable(`Task "${from.task}" has no artifact "${from.artifact}" in run ${run.run}`);
  return records.map((record) => ({ taskId, run: run.run, record }));
}
