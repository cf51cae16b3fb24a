import type { Engine, LoadResult } from '../docker/engine.ts';
import type { MountSteps } from '../docker/mounts/mount-steps.ts';
import { fillMount, lookIntoMounts } from '../docker/mounts/mount-steps.ts';
import type { DockerfileMounts } from '../images/cache-mounts.ts';
import type { UsedMount } from '../model/cache-mount.ts';
import { mapConcurrently } from '../model/concurrently.ts';
import type { ImageDamaged } from '../model/errors.ts';
import { isSlipwayError } from '../model/errors.ts';
import { formatBytes } from '../model/format-bytes.ts';
import { cutDetail } from '../model/pure/cut-text.ts';
import type { Digest } from '../model/pure/ids.ts';
import type { CacheMountsRecord, MountRecord } from '../model/schema/records.ts';
import { ownReference } from '../model/engine-names.ts';
import { examineFlaws } from './examine-image.ts';
import { namespacesIn } from './mount-namespaces.ts';
import type { MountPlace } from './mounts-of-build.ts';

export interface BringMountsOptions extends MountPlace {
  /** By this the engine keeps what is loaded for it. */
  readonly hold: string;
  /** What passing images of it are called. */
  readonly tag: string;
  /** Told what was brought in, and what could not be. */
  readonly say: (line: string) => void;
}

/**
 * Brings what cache mounts have held into an engine that lacks it, before a build, from the highest level that has it. An engine that has something in
 * a mount is left alone. Nothing that goes wrong ends the build: it begins with an empty mount, as on a new machine. Undefined
 * when nothing was lacking.
 */
export async function bringMounts(
  engine: Engine,
  { mounts, unknown }: DockerfileMounts,
  options: BringMountsOptions,
): Promise<CacheMountsRecord | undefined> {
  const { say, signal, platform, tag, onProgress } = options;
  const namespaceOf = namespacesIn(engine, options);
  for (const { id, why } of unknown) say(`cache mount ${id}: stays where it is built, since ${why}`);
  const counts = { broughtIn: 0, bytesLoaded: 0, missed: 0 };
  const fellBack: string[] = [];
  const miss = (id: string, why: string): void => {
    counts.missed += 1;
    say(`cache mount ${id}: could not be brought in: ${why}`);
  };
  const stored = await mapConcurrently(mounts, (mount) => findStored(mount, options, miss));
  const there = stored.filter((one) => one !== undefined);
  for (const [ground, ofGround] of Map.groupBy(there, ({ mount }) => mount.ground)) {
    const steps = { images: engine.images, ground, tag, platform, namespaceOf, signal, onProgress };
    for (const { mount, record } of await lacking(ofGround, steps, miss)) {
      try {
        const loaded = await bring(engine, { mount, record }, { ...options, steps });
        counts.bytesLoaded += loaded.bytesLoaded;
        counts.broughtIn += 1;
        if (loaded.fellBack !== undefined) fellBack.push(`cache mount ${mount.id}: ${loaded.fellBack}`);
        say(`cache mount ${mount.id}: ${formatBytes(record.contentBytes)} brought in from the store`);
      } catch (error) {
        signal.throwIfAborted();
        await examineDamage(error, options);
        miss(mount.id, (error as Error).message);
      }
    }
  }
  if (counts.broughtIn + counts.missed === 0) return undefined;
  return fellBack.length === 0 ? counts : { ...counts, fellBack: cutDetail(fellBack.join('; ')) };
}

interface Stored {
  readonly mount: UsedMount;
  readonly record: MountRecord;
}

type Miss = (id: string, why: string) => void;

/** Undefined when nobody has kept it. What is damaged of an image is removed, so that it can be kept again. */
async function findStored(
  mount: UsedMount,
  { store, domain, level, platform, signal }: MountPlace,
  miss: Miss,
): Promise<Stored | undefined> {
  let isFlawed = false;
  try {
    const record = await store.mounts.find(domain, level, { ...mount, platform }, async (found) => {
      const isSound = await examineFlaws(store.blobs, found, signal);
      isFlawed ||= !isSound;
      return isSound;
    });
    if (record) return { mount, record };
    if (isFlawed) miss(mount.id, 'parts of it are missing in the store');
  } catch (error) {
    signal.throwIfAborted();
    miss(mount.id, (error as Error).message);
  }
  return undefined;
}

async function lacking(stored: readonly Stored[], steps: MountSteps, miss: Miss): Promise<readonly Stored[]> {
  try {
    const mounts = stored.map(({ mount }) => mount);
    const filled = await lookIntoMounts(mounts, steps);
    return stored.filter((_, at) => filled[at] !== true);
  } catch (error) {
    steps.signal.throwIfAborted();
    for (const { mount } of stored) miss(mount.id, (error as Error).message);
    return [];
  }
}

async function bring(
  engine: Engine,
  { mount, record }: Stored,
  { hold, signal, onProgress, steps }: BringMountsOptions & { readonly steps: MountSteps },
): Promise<LoadResult> {
  const tag = `mount-${record.manifestDigest.slice('sha256:'.length)}`;
  const loaded = await engine.images.load(record, { tag, hold, signal, onProgress });
  await fillMount(mount, ownReference(tag), steps);
  return loaded;
}

/** What was found wrong only when it was read. */
async function examineDamage(error: unknown, { store, signal }: MountPlace): Promise<void> {
  if (!isSlipwayError(error) || error.type !== 'ImageDamaged') return;
  await store.blobs.examine((error as ImageDamaged).digest as Digest, signal).catch(() => undefined);
}
