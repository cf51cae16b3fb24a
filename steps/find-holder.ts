import type { Engine } from '../docker/engine.ts';
import type { Digest } from '../model/pure/ids.ts';
import type { RunInput } from '../model/pure/payloads.ts';
import type { Store } from '../store/store.ts';

/** What of its bytes an engine lacks nobody knows before it loads it; an image smaller than this is there sooner than another engine is asked. */
const WORTH_ASKING_BYTES = 50_000_000;

export interface FindHolderDeps {
  readonly store: Pick<Store, 'holders' | 'tasks'>;
  readonly engine: { readonly images: Pick<Engine['images'], 'find'> };
  /** This engine's own. */
  readonly engineId: string;
}

/** Id of an engine that has the image of a run which nobody has claimed, when this one has it not. Undefined: nobody is to be asked first. */
export async function findHolder(
  { store, engine, engineId }: FindHolderDeps,
  { task, run }: RunInput,
): Promise<string | undefined> {
  const { image, level, taskId } = task;
  if (!image || image.sizeBytes < WORTH_ASKING_BYTES) return undefined;
  // By whichever of the two an engine's store calls it.
  for (const id of [image.configDigest, image.manifestDigest])
    if ((await engine.images.find(id)) !== undefined) return undefined;
  const holders = await store.holders.list(level, image.manifestDigest as Digest);
  const others = holders.filter((id) => id !== engineId);
  if (others.length === 0 || (await store.tasks.findClaim(taskId, run))) return undefined;
  return others[Math.floor(Math.random() * others.length)];
}
