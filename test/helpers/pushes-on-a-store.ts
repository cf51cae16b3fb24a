import { createHash } from 'node:crypto';
import { digestOf } from '../../docker/endpoint/closure.ts';
import type { Digest, Level } from '../../model/pure/ids.ts';
import { imageTaskId, pushId, taskId } from '../../model/pure/ids.ts';
import type { Plan, StoredImage } from '../../model/schema/plan.ts';
import type { PushDocument, RunRecord } from '../../model/schema/records.ts';
import { claimClosure, closureOf, isWhole } from '../../steps/image-closure.ts';
import type { Store } from '../../store/store.ts';
import { aBody } from './bytes.ts';
import { manifestOf } from './stored-images.ts';

const DOMAIN = 'demo';
const PLATFORM = 'linux/amd64';

export interface PushOnStore {
  readonly number: number;
  readonly level: Level;
  readonly image: string;
  /** Images of one name share their lower layers with those of versions near by. */
  readonly version: number;
  readonly now: () => Date;
  /** Whether its task's artifact goes before the push does. */
  readonly artifactExpires?: string;
}

export function idOfPush(push: Pick<PushOnStore, 'number' | 'level'>): string {
  return pushId({ project: DOMAIN, level: push.level, revision: revisionOf(push) });
}

function revisionOf({ number }: Pick<PushOnStore, 'number'>): string {
  return createHash('sha1').update(`${number}`).digest('hex');
}

/** What a push did to the store, with the parts of the store that its workers use; no container runs. */
export async function pushOnStore(store: Store, push: PushOnStore): Promise<{ readonly built: boolean }> {
  const { number, level, image, version, now } = push;
  const revision = revisionOf(push);
  const id = idOfPush(push);
  const received = now().toISOString();
  await store.pushes.receive({
    version: 1,
    pushId: id,
    project: DOMAIN,
    domain: DOMAIN,
    level,
    repository: 'file:///srv/demo.git',
    refs: ['refs/heads/main'],
    revision,
    request: {},
    pushedBy: 'ada',
    received,
  });
  const key = {
    domain: DOMAIN,
    name: image,
    imageHash: createHash('sha256').update(`${image} ${version}`).digest('hex'),
  };
  const found = await store.index.find(key, level, (entry) => isWhole(store.blobs, entry.manifestDigest));
  await store.index.use({ domain: DOMAIN, level, images: [key], bases: [] });
  const identity = { pushId: id, project: DOMAIN, level, repository: 'file:///srv/demo.git', revision };
  await store.pushes.writePlan(aPlan({ ...identity, key, stored: found?.entry, now }));
  const status = { ...aStatus(identity), received };
  await store.pushes.writeStatus({ ...status, state: 'running' });
  const stored = found?.entry ?? (await build(store, push, key));
  // What a runner finds that loads it now.
  if (!(await isWhole(store.blobs, stored.manifestDigest))) throw new Error(`push ${number} lost its image`);
  await runTask(store, push, taskId({ project: DOMAIN, level, revision }, 'unit'));
  await store.pushes.writeStatus({
    ...status,
    state: 'completed',
    resolved: now().toISOString(),
    images: [
      {
        name: image,
        contextHash: 'c',
        imageHash: key.imageHash,
        taskId: imageTaskId({ ...key, level }),
        outcome: found ? 'reused' : 'built',
        bytesUploaded: 0,
        why: '',
        manifestDigest: stored.manifestDigest,
      },
    ],
  });
  return { built: !found };
}

type Key = Parameters<Store['index']['write']>[0];

async function build(
  store: Store,
  { level, image, version, now }: PushOnStore,
  key: Key,
): Promise<StoredImage> {
  const known = new Set<string>();
  for await (const { entry } of store.index.list(DOMAIN, level, image))
    for (const digest of await closureOf(store.blobs, entry.manifestDigest)) known.add(digest);
  const layers = [
    aLayer('base'),
    aLayer(`${image} ${Math.floor(version / 8)}`),
    aLayer(`${image} ${Math.floor(version / 2)}`),
    aLayer(`${image} ${version}.`),
  ];
  const config = Buffer.from(JSON.stringify({ image, version }));
  const manifest = manifestOf(config, layers);
  let n = 0;
  for (const bytes of [...layers, config, manifest]) {
    const digest = digestOf(bytes);
    if (known.has(digest) && (await store.blobs.claim(digest))) continue;
    // Each way that there is.
    if ((n += 1) % 2 === 0) await store.blobs.writeUnknown(aBody(bytes));
    else await store.blobs.write(digest, bytes.length, aBody(bytes));
  }
  const manifestDigest = digestOf(manifest);
  await claimClosure(store.blobs, manifestDigest);
  const stored = {
    manifestDigest,
    configDigest: digestOf(config),
    diffIds: layers.map(digestOf),
    sizeBytes: 1,
  };
  const taskIdOfImage = imageTaskId({ ...key, level });
  const created = now().toISOString();
  await store.index.write(key, level, {
    version: 1,
    ...stored,
    taskId: taskIdOfImage,
    run: 0,
    created,
    inputs: { contextHash: 'c', args: {}, platform: PLATFORM, parent: null, bases: {} },
  });
  await store.tasks.change(taskIdOfImage, (present) => ({
    version: 1,
    taskId: taskIdOfImage,
    label: `image ${image}`,
    state: 'completed',
    reason: 'completed',
    created: present?.created ?? created,
    resolved: created,
    runs: [
      ...(present?.runs ?? []),
      { ...aRun(present?.runs.length ?? 0, created), manifestDigest, configDigest: stored.configDigest },
    ],
  }));
  return stored;
}

/** What a task leaves: its log, and an artifact if it is not only the log. */
export async function runTask(
  store: Store,
  {
    now,
    number,
    artifactExpires,
    onlyLog = false,
  }: Pick<PushOnStore, 'now' | 'number' | 'artifactExpires'> & { readonly onlyLog?: boolean },
  id: string,
): Promise<void> {
  await store.tasks.claim(id, 0, { worker: 'w', engineId: 'e', queue: 'q', claimed: now().toISOString() });
  await store.logs.append(id, 0, { seq: 0, text: Buffer.from(`push ${number}\n`), taskBytes: 7 });
  const body = aBody(Buffer.from(`of ${number}`));
  const options = {
    contentType: 'text/plain',
    ...(artifactExpires === undefined ? {} : { expires: artifactExpires }),
  };
  const artifacts = onlyLog ? [] : [await store.artifacts.write(id, 0, 'public/out', body, options)];
  const log = await store.logs.finish(id, 0);
  const resolved = now().toISOString();
  await store.tasks.change(id, () => ({
    version: 1,
    taskId: id,
    label: 'unit',
    state: 'completed',
    reason: 'completed',
    created: resolved,
    resolved,
    runs: [{ ...aRun(0, resolved), artifacts: [...artifacts, log] }],
  }));
}

function aRun(run: number, resolved: string): RunRecord {
  return { run, state: 'completed', reason: 'completed', resolved, phases: {}, artifacts: [] };
}

/** 20 kB that are the same for the same text. */
function aLayer(text: string): Buffer {
  const pieces = Array.from({ length: 625 }, (_, at) =>
    createHash('sha256').update(`${text} ${at}`).digest(),
  );
  return Buffer.concat(pieces);
}

function aPlan(options: {
  readonly pushId: string;
  readonly project: string;
  readonly level: Level;
  readonly repository: string;
  readonly revision: string;
  readonly key: Key;
  readonly stored: (StoredImage & { readonly taskId: string }) | undefined;
  readonly now: () => Date;
}): Plan {
  const { key, stored, now, ...identity } = options;
  return {
    version: 1,
    ...identity,
    plannedAt: now().toISOString(),
    domain: DOMAIN,
    ref: 'refs/heads/main',
    request: {},
    warnings: [],
    images: [
      {
        name: key.name,
        taskId: stored?.taskId ?? imageTaskId({ ...key, level: identity.level }),
        context: key.name,
        parent: null,
        tarball: 'view',
        inputs: { contextHash: 'c', args: {}, platform: PLATFORM, parent: null, bases: {} },
        contextHash: 'c',
        imageHash: key.imageHash,
        action: stored ? 'reuse' : 'build',
        why: '',
        ...(stored ? { stored: pick(stored) } : {}),
        missingBases: [],
      },
    ],
    tasks: [],
    skipped: [],
  };
}

function pick({ manifestDigest, configDigest, diffIds, sizeBytes }: StoredImage): StoredImage {
  return { manifestDigest, configDigest, diffIds: diffIds as Digest[], sizeBytes };
}

function aStatus({
  pushId: id,
  ...rest
}: Omit<Parameters<typeof aPlan>[0], 'key' | 'stored' | 'now'>): Omit<PushDocument, 'state' | 'received'> {
  return { id, ...rest, ref: 'refs/heads/main', findings: [], images: [], tasks: [] };
}
