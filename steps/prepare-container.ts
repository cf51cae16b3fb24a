import type { Engine } from '../docker/engine.ts';
import { mapConcurrently } from '../model/concurrently.ts';
import { InputUnavailable } from '../model/errors.ts';
import type { Plan, PlannedInput, PlannedTask } from '../model/schema/plan.ts';
import type { GitSource } from '../source/git-source.ts';
import type { Store } from '../store/store.ts';
import type { FindInput, InputFile } from './input-files.ts';
import { inputsOfRound } from './inputs-of-round.ts';
import { putInput } from './put-input.ts';
import type { StepContext } from './step-context.ts';

export interface PrepareContainerDeps {
  readonly store: Store;
  readonly engine: Engine;
  readonly source: Pick<GitSource, 'open'>;
  /** Where the task's inputs are; default: in the records of its own push. */
  readonly findInput?: FindInput | undefined;
}

interface ContainerOfTask {
  readonly name: string;
  /** When it was created, by its engine's clock: after all that is in its caches was written, and before its command writes anything. */
  readonly created: string;
  readonly plan: Plan;
  readonly planned: PlannedTask;
  /** Told in a line what is put in. */
  readonly say: (line: string) => void;
}

/**
 * Puts the pushed revision and the task's inputs into a container that is created and not started. Safe to repeat.
 * @throws {InputUnavailable} when an artifact that it takes cannot be had, not any more or not whole. @throws {PathUnusable} when the image has something
 * else at their paths. @throws {RepositoryUnavailable} {RevisionNotFound}
 */
export async function prepareContainer(
  deps: PrepareContainerDeps,
  container: ContainerOfTask,
  context: StepContext,
): Promise<void> {
  const { name, created, plan, planned, say } = container;
  const { containers } = deps.engine;
  const findInput = deps.findInput ?? inputsOfRound(deps.store);
  const owner = await containers.owner(name);
  if (planned.checkout !== null) {
    // Without the ref: planning has proven that it holds the revision, and it may have moved on since.
    const { repository, revision } = plan;
    const tree = await deps.source.open(repository, { revision, signal: context.signal });
    const files = tree.archive(context.signal, { dated: new Date(created), git: planned.checkoutGit });
    await containers.putArchive(name, planned.checkout, files, {
      owner,
      signal: context.signal,
    });
  }
  for (const [path, from] of Object.entries(planned.inputs)) {
    const files = 'namespace' in from ? await pinnedFiles(deps.store, from) : await findInput(plan, from);
    if (files.length === 0) say(absentText(path, from));
    else await putInput(deps, { name, owner, say }, { path, artifact: from.artifact, files }, context);
  }
}

function absentText(path: string, from: PlannedInput): string {
  const who =
    'namespace' in from
      ? `no task with the route "${from.namespace}" has left`
      : `task "${from.task}" has left no`;
  return `Nothing is put into ${path}: ${who} "${from.artifact}"`;
}

/** What was found by a route at planning, as long as it is there and the same; none of an optional one that was not. */
async function pinnedFiles(
  { artifacts }: Store,
  { namespace, artifact, pinned, optional }: Extract<PlannedInput, { readonly namespace: string }>,
): Promise<readonly InputFile[]> {
  if (!pinned && optional) return [];
  if (!pinned)
    throw new InputUnavailable(
      `"${artifact}" is found by its route "${namespace}" in a store, and this was planned without one`,
    );
  const { taskId, run, files } = pinned;
  return mapConcurrently(files, async ({ name, sha256 }) => {
    const record = await artifacts.find(taskId, run, name);
    if (record?.sha256 === sha256) return { taskId, run, record };
    throw new InputUnavailable(`Run ${run} of ${taskId} has ${record ? 'another' : 'no'} "${name}" any more`);
  });
}
