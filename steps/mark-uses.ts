import { mapConcurrently } from '../model/concurrently.ts';
import type { PlatformBase } from '../model/pure/base-payloads.ts';
import { parseId } from '../model/pure/ids.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import type { ImageKey, Store } from '../store/store.ts';

/**
 * Says that a plan uses what it found in the index: the images that it knows of, all bases, and the routes and tarballs of other
 * pushes that it has pinned. `platform` is that of plain images and of tarballs. Safe to repeat.
 */
export async function markUses(store: Store, plan: Plan, platform: string): Promise<void> {
  const { domain, level, tasks } = plan;
  await store.index.use({
    domain,
    level,
    images: unique([...knownImages(plan), ...tasks.flatMap(pinnedImage)]),
    bases: unique(basesOf(plan, platform)),
  });
  await mapConcurrently(unique(tasks.flatMap(routesOf)), (route) => store.routes.use(domain, level, route));
  await mapConcurrently(unique(tasks.flatMap(pinnedTarball)), (tarball) =>
    store.tarballs.use(domain, level, { ...tarball, platform }),
  );
}

/** Thousands of tasks may have the same. */
function unique<T>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}

type Image = Pick<ImageKey, 'name' | 'imageHash'>;

function knownImages({ images }: Plan): readonly Image[] {
  return images.flatMap(({ name, imageHash }) => (imageHash === null ? [] : [{ name, imageHash }]));
}

/** The image of an image build that a task names by id. */
function pinnedImage({ image }: PlannedTask): readonly Image[] {
  const id = 'pinned' in image && image.pinned ? parseId(image.pinned.taskId) : undefined;
  return id?.kind === 'image' ? [{ name: id.name, imageHash: id.imageHash }] : [];
}

function basesOf({ images, tasks }: Plan, platform: string): readonly PlatformBase[] {
  const plain = tasks.flatMap(({ image }) =>
    image.type === 'docker-image' ? [{ platform, reference: image.name }] : [],
  );
  const ofImages = images.flatMap(({ inputs }) =>
    Object.keys(inputs.bases).map((reference) => ({ platform: inputs.platform, reference })),
  );
  return [...plain, ...ofImages];
}

function routesOf({ image, inputs }: PlannedTask): readonly string[] {
  return [image, ...Object.values(inputs)].flatMap((named) =>
    'namespace' in named ? [named.namespace] : [],
  );
}

function pinnedTarball({ image }: PlannedTask): readonly Parameters<Store['tarballs']['use']>[2][] {
  if (!('pinned' in image) || image.pinned?.sha256 === undefined) return [];
  return [{ sha256: image.pinned.sha256, name: image.name }];
}
