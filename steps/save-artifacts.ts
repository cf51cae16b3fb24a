import type { ContainerState } from '../docker/engine.ts';
import { containerName } from '../model/container-name.ts';
import { ContainerLost, RunSuperseded } from '../model/errors.ts';
import { startStopwatch } from '../model/stopwatch.ts';
import type { SaveArtifactsInput, SavedArtifacts } from '../model/pure/payloads.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import type { SecretSource } from '../model/secret-source.ts';
import { underWatch } from './engine-watch.ts';
import type { MemoryPeaks } from './follow-to-end.ts';
import { holdOfRun } from './hold-of-run.ts';
import { importSavedTarballs } from './import-saved-tarballs.ts';
import { ranOf } from './judge-end.ts';
import { heldFor, keepUntil, mayKeep } from './keep-failed.ts';
import { killCommand } from './kill-command.ts';
import { tellOverrun } from './overrun.ts';
import type { PlanCache } from './plan-cache.ts';
import { removePrivateEngine } from './private-engine.ts';
import { RunLog } from './run-log.ts';
import { findSecrets, maskOf } from './run-secrets.ts';
import { purgeText, releaseCaches } from './run-volumes.ts';
import type { ArtifactsOfRun, ArtifactSpec } from './save-artifact.ts';
import { saveArtifact, STDOUT } from './save-artifact.ts';
import type { StepContext } from './step-context.ts';

export interface SaveArtifactsDeps extends Pick<ArtifactsOfRun, 'store' | 'engine'> {
  readonly plans: PlanCache;
  readonly fleet: string;
  readonly secrets?: SecretSource | undefined;
  /** How long the container of a failed task is kept that a rerun asks that of; without it, not at all. */
  readonly heldSeconds?: (() => Promise<number>) | undefined;
  /** Of commands that were followed here. */
  readonly peaks?: MemoryPeaks | undefined;
}

interface Upload extends SaveArtifactsDeps, ArtifactsOfRun {
  readonly input: SaveArtifactsInput;
  readonly planned: PlannedTask;
}

/**
 * Saves what the task's command left, whatever its end, removes its container, or keeps it for a while, and gives its caches back; a command
 * that still runs is killed first. Safe to repeat: artifacts lie below their run's number and are replaced whole; what was saved is written down before
 * the container is removed, and a repeat answers from that.
 * @throws {ContainerLost} when the container of a command that completed was removed before everything was saved.
 */
export function saveArtifacts(
  deps: SaveArtifactsDeps,
  input: SaveArtifactsInput,
  context: StepContext,
): Promise<SavedArtifacts> {
  return underWatch(deps.engine, context, (watched) => save(deps, input, watched));
}

async function save(
  deps: SaveArtifactsDeps,
  input: SaveArtifactsInput,
  context: StepContext,
): Promise<SavedArtifacts> {
  const { task, run } = input;
  const { containers } = deps.engine;
  const planned = await deps.plans.task(task.pushId, task.plannedAt, task.label);
  const container = containerName(deps.fleet, task.taskId, run);
  const took = startStopwatch();
  const log = await RunLog.open(deps.store.logs, task.taskId, run, context);
  tellOverrun(log, context);
  const upload: Upload = { ...deps, input, context, container, planned, log };
  const settled = await deps.store.artifacts.findSaved(task.taskId, run);
  if (settled) return end(upload, settled);
  let artifacts: readonly ArtifactRecord[] = [];
  const missing: { name: string; found: string }[] = [];
  const asLeft = await containers.inspect(container);
  const there = asLeft?.state === 'running' ? await killAndHide(upload) : asLeft;
  // What lies in the container of a command that never started is not the command's.
  const specs = there?.state === 'created' ? [] : Object.entries(artifactsOf(planned));
  for (const [name, spec] of specs) {
    const saved = there ? await saveArtifact(upload, name, spec).catch(told(upload, name)) : 'absent';
    if (typeof saved !== 'string') {
      artifacts = [...artifacts, ...saved];
      continue;
    }
    const isThere = there !== undefined && (await containers.inspect(container)) !== undefined;
    if (!isThere) {
      // Another attempt may have been faster.
      const faster = await deps.store.artifacts.findSaved(task.taskId, run);
      if (faster) return faster;
      if (input.reason === 'completed')
        throw new ContainerLost('The container was removed before all of its artifacts were saved');
      const earlier = await listSaved(upload, name);
      artifacts = [...artifacts, ...earlier];
      if (earlier.length > 0) continue;
    }
    const excused = spec.optional && saved === 'absent';
    const found = isThere ? saved : 'lost with its container';
    log.say(
      `Artifact ${name}: ${spec.path} is ${found}${excused ? ' (optional)' : ''}`,
      excused ? 'info' : 'error',
    );
    if (!excused) missing.push({ name, found });
  }
  const bytesUploaded = artifacts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const uploadMs = took();
  if (artifacts.length > 0)
    log.say(`Saved ${artifacts.length} artifacts, ${bytesUploaded} bytes (${uploadMs} ms)`);
  if (input.reason === 'completed' && missing.length === 0) await importTarballs(upload, artifacts);
  const purged = purgeText(planned, input.exitCode);
  if (purged !== undefined) log.say(purged);
  const keptUntil = there?.state === 'exited' ? await keep(upload, missing.length > 0) : undefined;
  await log.flush();
  expectOurs(upload);
  const ran = input.exitCode === undefined && there ? ranOf(there) : undefined;
  const peakMemoryBytes = input.exitCode === undefined ? deps.peaks?.get(container) : undefined;
  const further = {
    ...(keptUntil ? { keptUntil } : {}),
    ...(ran ? { ran } : {}),
    ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
  };
  const saved = { artifacts, missing, uploadMs, bytesUploaded, ...further };
  return end(upload, await deps.store.artifacts.recordSaved(task.taskId, run, saved));
}

/** Until when the container is kept, if it is. */
async function keep(upload: Upload, isMissing: boolean): Promise<string | undefined> {
  const { engine, container, planned: asPlanned, context, input, log, heldSeconds } = upload;
  const reason = input.reason === 'completed' && isMissing ? 'artifact-missing' : input.reason;
  if (!mayKeep({ ...input, reason })) return undefined;
  const { exitCode } = input;
  const isHeld = asPlanned.keepSeconds === undefined && input.task.hold === true;
  const seconds = isHeld ? await heldSeconds?.() : undefined;
  const planned = seconds === undefined ? asPlanned : heldFor(asPlanned, seconds);
  const until = await keepUntil(engine, { container, planned, exitCode, log, signal: context.signal });
  if (until !== undefined)
    log.say(`Its container is kept until ${until}: slipway shell ${input.task.taskId}`);
  return until;
}

/** Gives how the command is now. */
async function killAndHide(upload: Upload): Promise<ContainerState | undefined> {
  const { engine, container, planned, plans, context, log } = upload;
  const { pushId, plannedAt } = upload.input.task;
  const plan = await plans.plan(pushId, plannedAt);
  const secrets = await findSecrets(upload.secrets, plan, planned).catch(() => undefined);
  if (secrets) log.hide(await maskOf(engine, container, secrets, context.signal));
  await killCommand(engine, { name: container, log, planned, keepsOutput: secrets !== undefined });
  return engine.containers.inspect(container);
}

/** What a task leaves; its standard output too, where that is an artifact. */
function artifactsOf({ artifacts, stdout }: PlannedTask): Readonly<Record<string, ArtifactSpec>> {
  return stdout === undefined
    ? artifacts
    : { ...artifacts, [stdout]: { type: 'file', path: STDOUT, optional: false } };
}

async function importTarballs(
  { store, plans, engine, input, context, planned, log }: Upload,
  artifacts: readonly ArtifactRecord[],
): Promise<void> {
  const { pushId, plannedAt, taskId } = input.task;
  const plan = await plans.plan(pushId, plannedAt);
  const run = { taskId, run: input.run, plan, planned, engine, artifacts };
  await importSavedTarballs(store, run, context, (line, kind) => log.say(line, kind));
}

async function end(upload: Upload, saved: SavedArtifacts): Promise<SavedArtifacts> {
  expectOurs(upload);
  const { engine, container, input, planned, peaks } = upload;
  peaks?.delete(container);
  await removePrivateEngine(engine, { name: container, planned });
  // Removed by the sweeper when its time is over.
  if (saved.keptUntil !== undefined) await engine.kept.keep(container);
  else await engine.containers.remove(container);
  await releaseCaches(engine, input, { planned, exitCode: input.exitCode });
  // Of a run that came to no container it is held still; one that is held for nobody is let go after a while.
  await engine.images.release(holdOfRun(input)).catch(() => undefined);
  return saved;
}

function expectOurs({ context, input: { task, run } }: Upload): void {
  context.signal.throwIfAborted();
  if (context.isGivenUp?.()) throw new RunSuperseded(task.taskId, run);
}

/** Says in every attempt why it failed: whoever waits for the task sees what it waits for. */
function told({ log, context: { signal } }: Upload, name: string): (error: unknown) => Promise<never> {
  return async (error) => {
    if (error instanceof Error && !signal.aborted) log.say(`Artifact ${name}: ${error.message}`, 'error');
    await log.flush().catch(() => undefined);
    throw error;
  };
}

/** What an earlier attempt has saved before the container was lost. */
async function listSaved({ store, input }: Upload, name: string): Promise<readonly ArtifactRecord[]> {
  const all = await store.artifacts.list(input.task.taskId, input.run);
  return all.filter((record) => record.name === name || record.name.startsWith(`${name}/`));
}
