import { posix } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import mime from 'mime-types';
import { extract } from 'tar-stream';
import type { Engine } from '../docker/engine.ts';
import { containerName } from '../model/container-name.ts';
import type { SaveArtifactsInput, SavedArtifacts } from '../model/pure/payloads.ts';
import type { PlannedTask } from '../model/schema/plan.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import type { PlanCache } from './plan-cache.ts';
import { RunLog } from './run-log.ts';
import type { StepContext } from './step-context.ts';

export interface SaveArtifactsDeps {
  readonly store: Store;
  readonly plans: PlanCache;
  readonly engine: Engine;
}

type ArtifactSpec = PlannedTask['artifacts'][string];

interface Upload extends SaveArtifactsDeps {
  readonly input: SaveArtifactsInput;
  readonly context: StepContext;
  readonly container: string;
}

/**
 * Saves what the task's command left, whatever its end, and removes its container. Safe to repeat: artifacts lie below
 * their run's number and are replaced whole; a repeat after the removal finds them in the store.
 */
export async function saveArtifacts(
  deps: SaveArtifactsDeps,
  input: SaveArtifactsInput,
  context: StepContext,
): Promise<SavedArtifacts> {
  const { task, run } = input;
  const planned = await deps.plans.task(task.pushId, task.plannedAt, task.label);
  const container = containerName(task.taskId, run);
  const upload: Upload = { ...deps, input, context, container };
  const began = Date.now();
  const log = await RunLog.open(deps.store.logs, task.taskId, run);
  const artifacts: ArtifactRecord[] = [];
  const missing: { name: string; found: string }[] = [];
  const there = await deps.engine.containers.inspect(container);
  for (const [name, spec] of Object.entries(planned.artifacts)) {
    const saved = await (there ? saveOne(upload, name, spec) : findSaved(upload, name)).catch(
      async (error: unknown) => {
        // Said in every attempt: whoever waits for the task sees what it waits for.
        if (error instanceof Error && !context.signal.aborted)
          log.say(`Artifact ${name}: ${error.message}`, 'error');
        await log.flush().catch(() => undefined);
        throw error;
      },
    );
    if (typeof saved !== 'string') {
      artifacts.push(...saved);
      continue;
    }
    const excused = spec.optional && saved === 'absent';
    log.say(
      `Artifact ${name}: ${spec.path} is ${saved}${excused ? ' (optional)' : ''}`,
      excused ? 'info' : 'error',
    );
    if (!excused) missing.push({ name, found: saved });
  }
  const bytesUploaded = artifacts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const uploadMs = Date.now() - began;
  if (artifacts.length > 0)
    log.say(`Saved ${artifacts.length} artifacts, ${bytesUploaded} bytes (${uploadMs} ms)`);
  await log.flush();
  await deps.engine.containers.remove(container);
  return { artifacts, missing, uploadMs, bytesUploaded };
}

/** Gives the records, or what is there instead. */
async function saveOne(
  upload: Upload,
  name: string,
  spec: ArtifactSpec,
): Promise<readonly ArtifactRecord[] | string> {
  const found = await upload.engine.containers.readPath(upload.container, spec.path, upload.context.signal);
  if (!found) return 'absent';
  if (found.type === 'file') {
    if (spec.type === 'file') return [await write(upload, name, spec, found.body)];
    found.body.destroy();
    return 'a file, not a directory';
  }
  if (spec.type === 'file') {
    found.tar.destroy();
    return 'a directory, not a file';
  }
  return saveDirectory(upload, name, spec, found.tar);
}

/** Each file of a directory becomes an artifact below its name; links and special files are left out. */
async function saveDirectory(
  upload: Upload,
  name: string,
  spec: ArtifactSpec,
  tar: NodeJS.ReadableStream,
): Promise<readonly ArtifactRecord[]> {
  const records: ArtifactRecord[] = [];
  const entries = extract();
  const reading = pipeline(tar, entries, { signal: upload.context.signal });
  reading.catch(() => undefined);
  for await (const entry of entries) {
    const path = posix.normalize(entry.header.name).split('/').slice(1).join('/');
    if (entry.header.type === 'file' && path !== '' && !path.split('/').includes('..')) {
      records.push(await write(upload, `${name}/${path}`, spec, entry.pipe(new PassThrough())));
    } else entry.resume();
  }
  await reading;
  return records;
}

function write(
  upload: Upload,
  name: string,
  spec: ArtifactSpec,
  body: NodeJS.ReadableStream,
): Promise<ArtifactRecord> {
  const { store, input, context } = upload;
  context.onProgress({ message: `saving ${name}` });
  const contentType =
    spec.contentType ?? (mime.contentType(posix.basename(name)) || 'application/octet-stream');
  const expires =
    spec.expiresSeconds === undefined
      ? undefined
      : new Date(Date.now() + spec.expiresSeconds * 1000).toISOString();
  return store.artifacts.write(input.task.taskId, input.run, name, body as PassThrough, {
    contentType,
    ...(expires ? { expires } : {}),
    signal: context.signal,
  });
}

/** The container is gone: an earlier attempt has saved what there was. */
async function findSaved(
  { store, input }: Upload,
  name: string,
): Promise<readonly ArtifactRecord[] | string> {
  const all = await store.artifacts.list(input.task.taskId, input.run);
  const own = all.filter((record) => record.name === name || record.name.startsWith(`${name}/`));
  return own.length > 0 ? own : 'absent';
}
