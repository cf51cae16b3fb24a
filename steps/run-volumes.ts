import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { TakenCache } from '../docker/caches/engine-caches.ts';
import type { Engine } from '../docker/engine.ts';
import type { MountedVolume } from '../docker/volumes.ts';
import { containerName } from '../model/container-name.ts';
import type { RunInput } from '../model/pure/payloads.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import { holdOfRun } from './hold-of-run.ts';
import type { PlanCache } from './plan-cache.ts';
import type { RunSecrets } from './run-secrets.ts';
import { SECRETS_DIRECTORY } from './run-secrets.ts';

export interface RunVolumes {
  /** To be mounted into the run's container. */
  readonly mounted: readonly MountedVolume[];
  /** Of these, the paths of those that nobody has used yet. */
  readonly fresh: readonly string[];
}

interface VolumesOfRun {
  readonly input: RunInput;
  readonly plan: Plan;
  readonly planned: PlannedTask;
  /** The labels of the run's container. */
  readonly labels: Readonly<Record<string, string>>;
  readonly engineImageId: string;
  readonly secrets: RunSecrets;
}

/**
 * Takes a run's caches, and says what volumes its artifacts and secrets need. Safe to repeat: a run is given what it has already. The
 * caches are given back by {@link releaseCaches}.
 */
export async function takeVolumes(
  engine: Engine,
  { input, plan, planned, labels, engineImageId, secrets }: VolumesOfRun,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<RunVolumes> {
  const wanted = Object.entries(planned.caches ?? {}).map(([name, cache]) => ({ name, ...cache }));
  const { domain, level } = plan;
  const owner = { ...holderOf(input), domain, level, engineImageId };
  const taken = wanted.length === 0 ? [] : await engine.caches.take(wanted, owner, signal);
  for (const cache of taken) say(cacheText(cache));
  const ofArtifacts = new Set(
    Object.values(planned.artifacts).flatMap(({ type, path }) => (type === 'volume' ? [path] : [])),
  );
  const ofSecrets = secrets.size === 0 ? [] : [SECRETS_DIRECTORY];
  return {
    mounted: [
      ...taken.map((cache) => ({ path: cache.path, name: cache.volume, labels: cache.labels })),
      ...[...ofArtifacts, ...ofSecrets].map((path) => ({ path, labels })),
    ],
    fresh: [
      ...taken.filter(({ lastUsed }) => lastUsed === undefined).map(({ path }) => path),
      ...ofArtifacts,
    ],
  };
}

/** Has the volumes that nobody has used yet belong to the task's user, as a directory of theirs would, and what had to be made above any. */
export async function ownVolumes(
  { containers }: Engine,
  name: string,
  { mounted, fresh }: RunVolumes,
  signal: AbortSignal,
): Promise<void> {
  const paths = mounted.map(({ path }) => path).filter((path) => path !== SECRETS_DIRECTORY);
  if (paths.length === 0) return;
  const owner = await containers.owner(name);
  if (owner.uid === 0 && owner.gid === 0) return;
  await containers.ownParents(name, paths, { owner, signal });
  for (const path of fresh) await containers.putArchive(name, path, noFiles(), { owner, signal });
}

/** Whether a run that ended with that exit code leaves no cache behind. */
export function purgesCaches(
  { purgeExitCodes = [] }: Pick<PlannedTask, 'purgeExitCodes'>,
  exitCode: number | undefined,
): boolean {
  return exitCode !== undefined && purgeExitCodes.includes(exitCode);
}

/** What is said of a run whose exit code leaves no cache behind, if it had any. */
export function purgeText(planned: PlannedTask, exitCode: number | undefined): string | undefined {
  const names = Object.keys(planned.caches ?? {});
  if (names.length === 0 || !purgesCaches(planned, exitCode)) return undefined;
  return `Exit code ${exitCode} purges its caches: ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} removed`;
}

/**
 * Gives back the caches that a run has taken, once its container is removed; they are removed when its exit code is one
 * of those that say so. Safe to repeat.
 */
export async function releaseCaches(
  engine: Engine,
  input: RunInput,
  { planned, exitCode }: { readonly planned: PlannedTask; readonly exitCode: number | undefined },
): Promise<void> {
  if (planned.caches === undefined) return;
  await engine.caches.release(holderOf(input), { purge: purgesCaches(planned, exitCode) });
}

/** Removes what a run has left in the engine, saved or not, gives its caches back as its exit code says, if it came to one, and lets its image go. */
export async function removeRun(
  { engine, plans, fleet }: { readonly engine: Engine; readonly plans: PlanCache; readonly fleet: string },
  input: RunInput,
  exitCode?: number,
): Promise<void> {
  const { task, run } = input;
  const planned = await plans.task(task.pushId, task.plannedAt, task.label);
  const name = containerName(fleet, task.taskId, run);
  if (task.dind) await engine.privateEngines.remove(name);
  await engine.containers.remove(name);
  await releaseCaches(engine, input, { planned, exitCode });
  await engine.images.release(holdOfRun(input)).catch(() => undefined);
}

function holderOf({ task, run }: RunInput): { readonly task: string; readonly run: number } {
  return { task: task.taskId, run };
}

function cacheText({ name, path, volume, lastUsed }: TakenCache): string {
  const state = lastUsed === undefined ? 'new and empty' : `as it was left on ${lastUsed}`;
  return `Cache ${name} at ${path}: ${state} (${volume})`;
}

function noFiles(): Readable {
  const tar = pack();
  tar.finalize();
  return Readable.from(tar, { objectMode: false });
}
