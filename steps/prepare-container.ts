import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { Engine } from '../docker/engine.ts';
import { InputUnavailable, isSlipwayError } from '../model/errors.ts';
import type { Plan, PlannedInput, PlannedTask } from '../model/schema/plan.ts';
import type { GitSource } from '../source/git-source.ts';
import type { Store } from '../store/store.ts';
import type { FindInput, InputFile } from './input-files.ts';
import { isEmptyDirectory } from './input-files.ts';
import { inputsOfRound } from './inputs-of-round.ts';
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
  readonly plan: Plan;
  readonly planned: PlannedTask;
}

/**
 * Puts the pushed revision and the task's inputs into a container that is created and not started. Safe to repeat.
 * @throws {InputUnavailable} when an artifact that it takes cannot be had, or not any more. @throws {PathUnusable} when the image has something
 * else at their paths. @throws {RepositoryUnavailable} {RevisionNotFound}
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
    const files = tree.archive(context.signal, { git: planned.checkoutGit });
    await containers.putArchive(name, planned.checkout, files, {
      owner,
      signal: context.signal,
    });
  }
  for (const [path, from] of Object.entries(planned.inputs)) {
    const files = 'namespace' in from ? await pinnedFiles(deps.store, from) : await findInput(plan, from);
    for (const file of files) {
      const { record } = file;
      if (isEmptyDirectory(record)) {
        await putDirectory(containers, name, path, { owner, signal: context.signal });
        continue;
      }
      const body = file.open?.(context.signal) ?? (await readInput(deps.store, file, context.signal));
      const target =
        record.name === from.artifact ? path : `${path}/${record.name.slice(from.artifact.length + 1)}`;
      await containers.putFile(name, target, body, record.sizeBytes, {
        executable: record.executable,
        owner,
        signal: context.signal,
      });
    }
  }
}

/** One that is there already stays as it is. */
async function putDirectory(
  containers: Engine['containers'],
  name: string,
  path: string,
  options: Parameters<Engine['containers']['putArchive']>[3],
): Promise<void> {
  const there = await containers.readPath(name, path, options.signal);
  if (there?.type === 'directory') return void there.tar.destroy();
  there?.body.destroy();
  const nothing = pack();
  nothing.finalize();
  await containers.putArchive(name, path, Readable.from(nothing, { objectMode: false }), options);
}

/** A record lives as long as its push, and an artifact as long as its task says. */
async function readInput(
  { artifacts }: Store,
  { taskId, run, record: { name, expires } }: InputFile,
  signal: AbortSignal,
): Promise<Readable> {
  try {
    return await artifacts.read(taskId, run, name, signal);
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'NotFound') throw error;
    const hasExpired = expires !== undefined && Date.parse(expires) <= Date.now();
    const why = hasExpired ? `has expired at ${expires}` : 'is not in the store any more';
    throw new InputUnavailable(`Artifact "${name}" of run ${run} of ${taskId} ${why}; run that task again`, {
      cause: error,
    });
  }
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
