import { z } from 'zod';
import { readWhole } from '../docker/endpoint/closure.ts';
import { CONFIG_MAX_BYTES } from '../docker/transport/stored-image.ts';
import type { BlobStore } from '../model/blob-store.ts';
import type { Digest } from '../model/pure/ids.ts';
import type { StoredImage } from '../model/schema/plan.ts';
import type { BuiltInEngine } from './build-in-engine.ts';

const configSchema = z.object({
  history: z
    .array(z.object({ created_by: z.string().default(''), empty_layer: z.boolean().default(false) }))
    .default([]),
});
type History = z.infer<typeof configSchema>['history'];

type Layered = Pick<StoredImage, 'configDigest' | 'diffIds'>;

/**
 * Why it is odd that a build took no step of the earlier image that was brought for it; undefined when it is not, or nobody can tell:
 * on their common ground both begin with the same RUN. (Files that it reads by a mount may be others. Steps that copy files
 * are no sign of anything.)
 */
export async function findSilentMiss(
  blobs: BlobStore,
  { cache, cachedSteps }: Pick<BuiltInEngine, 'cache' | 'cachedSteps'>,
  { built, parent }: { readonly built: Layered; readonly parent?: Layered | undefined },
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!cache || cache.trouble !== undefined || cache.isOnOtherGround || cachedSteps > 0) return undefined;
  const isOdd = await beginAlike(blobs, { earlier: cache.image, built, parent }, signal).catch(() => false);
  signal.throwIfAborted();
  return isOdd ? 'it had none of the steps, though the first one reads the same' : undefined;
}

async function beginAlike(
  blobs: BlobStore,
  {
    earlier,
    built,
    parent,
  }: { readonly earlier: Layered; readonly built: Layered; readonly parent?: Layered | undefined },
  signal: AbortSignal,
): Promise<boolean> {
  const ground = built.diffIds.findIndex((diffId, at) => diffId !== earlier.diffIds[at]);
  // The parent of the same name may have been made anew meanwhile.
  if (ground < (parent?.diffIds.length ?? 0)) return false;
  const [first, before] = await Promise.all(
    [built, earlier].map(async ({ configDigest }) => {
      const config = await readWhole(blobs, configDigest as Digest, { maxBytes: CONFIG_MAX_BYTES, signal });
      return firstStep(configSchema.parse(JSON.parse(config.toString('utf8'))).history, ground);
    }),
  );
  return first !== undefined && isRun(first.at(-1) ?? '') && first.join('\n') === before?.join('\n');
}

/** What was written down until the first layer beyond so many. */
function firstStep(history: History, ground: number): readonly string[] | undefined {
  let layers = 0;
  const lines: string[] = [];
  for (const { created_by: line, empty_layer: isEmpty } of history) {
    if (layers === ground) lines.push(line);
    if (isEmpty) continue;
    if (layers === ground) return lines;
    layers += 1;
  }
  return undefined;
}

/** BuildKit says `RUN` before it, with arguments or without; the older builder nothing, and `#(nop)` with what is none. */
function isRun(line: string): boolean {
  return line.startsWith('RUN ') || (/^(\|\d+ |\/bin\/sh -c )/.test(line) && !line.includes('#(nop)'));
}
