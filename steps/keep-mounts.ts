import type { Engine } from '../docker/engine.ts';
import type { MountContent, MountSteps } from '../docker/mounts/mount-steps.ts';
import { copyMount, measureMounts } from '../docker/mounts/mount-steps.ts';
import { topLayerOf } from '../docker/transport/top-layer.ts';
import type { UsedMount } from '../model/cache-mount.ts';
import { formatBytes } from '../model/format-bytes.ts';
import { claimClosure, closureOf, isWhole } from './image-closure.ts';
import { namespacesIn } from './mount-namespaces.ts';
import type { MountPlace } from './mounts-of-build.ts';
import { publishNotes } from './publish-notes.ts';

export interface KeepMountsOptions extends MountPlace {
  /** What passing images of it are called. */
  readonly tag: string;
  /** Manifests of the images that the build began with: their layers are in the store. */
  readonly grounds: readonly string[];
  /** A mount that holds more is left out. */
  readonly limitBytes: number;
  /** Told what was kept, and what was not and why. */
  readonly say: (line: string) => void;
}

/**
 * Keeps what the cache mounts of a build hold now, each as an image of one layer, for builders that lack it: of those that
 * have changed, and at one's own level only. An empty one is never kept. What goes wrong with one is told and does no harm.
 * Safe to repeat: the record comes last.
 */
export async function keepMounts(
  engine: Engine,
  mounts: readonly UsedMount[],
  options: KeepMountsOptions,
): Promise<void> {
  const { say, signal, platform, tag, onProgress } = options;
  const namespaceOf = namespacesIn(engine, options);
  const orTell = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      say(`${what}: not kept: ${(error as Error).message}`);
    }
  };
  for (const [ground, ofGround] of Map.groupBy(mounts, (mount) => mount.ground)) {
    const steps = { images: engine.images, ground, tag, platform, namespaceOf, signal, onProgress };
    await orTell(`cache mounts on ${ground}`, async () => {
      const contents = await measureMounts(ofGround, steps);
      for (const [at, mount] of ofGround.entries())
        await orTell(`cache mount ${mount.id}`, () =>
          keepIfChanged(engine, { mount, content: contents[at] }, { ...options, steps }),
        );
    });
  }
}

async function keepIfChanged(
  engine: Engine,
  { mount, content }: { readonly mount: UsedMount; readonly content: MountContent | undefined },
  options: KeepMountsOptions & { readonly steps: MountSteps },
): Promise<void> {
  const { store, domain, level, platform, limitBytes, say, steps, signal } = options;
  if (content === undefined) return;
  const same = await store.mounts.find(
    domain,
    level,
    { ...mount, platform },
    async (kept) =>
      kept.content === content.hash && (await isWhole(store.blobs, kept.manifestDigest, signal)),
  );
  if (same) return store.mounts.use(domain, level, { ...mount, platform });
  const size = formatBytes(content.bytes);
  if (content.bytes > limitBytes)
    return say(`cache mount ${mount.id}: left out: ${size}, and at most ${formatBytes(limitBytes)} are kept`);
  const sent = await copyMount(mount, steps, (image) =>
    publishMount(engine, { mount, content, image }, options),
  );
  say(`cache mount ${mount.id}: ${size} kept in the store, ${formatBytes(sent)} sent`);
}

/** Gives the bytes that were sent. */
async function publishMount(
  engine: Engine,
  {
    mount,
    content,
    image,
  }: { readonly mount: UsedMount; readonly content: MountContent; readonly image: string },
  { store, domain, level, platform, grounds, signal, onProgress }: KeepMountsOptions,
): Promise<number> {
  const known = await Promise.all(grounds.map((digest) => closureOf(store.blobs, digest, signal)));
  const isKnown = new Set(known.flat());
  const published = await engine.images.publish(image, {
    signal,
    onProgress,
    ...publishNotes(store, { domain, level }, (digest) => isKnown.has(digest)),
  });
  const stored = await topLayerOf(store.blobs, published, { platform, signal });
  await claimClosure(store.blobs, stored.manifestDigest, signal);
  await store.mounts.record(domain, level, mount, {
    version: 1,
    ...stored,
    id: mount.id,
    platform,
    created: new Date().toISOString(),
    content: content.hash,
    contentBytes: content.bytes,
  });
  return published.bytesUploaded;
}
