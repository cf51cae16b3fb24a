import { isSlipwayError, SetupFailed } from '../model/errors.ts';
import { ensureCachedFile, remakeCachedFile } from './cached-file.ts';
import type { EngineAccess } from './engine-access.ts';
import { reportStep } from './report-step.ts';
import type { StackOptions } from './stack-options.ts';

export interface CachedImage {
  /** Name of the part in progress lines. */
  readonly part: string;
  /** What people call it. */
  readonly title: string;
  readonly reference: string;
  /** Its tar in the cache. */
  readonly path: string;
  /** Makes the tar; the image may be in the engine afterwards, or not. */
  readonly make: (aside: string) => Promise<void>;
  /** What to do when it cannot be loaded. */
  readonly otherwise: string;
}

/**
 * Brings an image into the engine from its tar in the cache, which is made when there is none, and once more when the engine
 * cannot load it: a disk may have lost a part of it. Gives whether it was made. @throws {SetupFailed}
 */
export async function loadCachedImage(
  engine: EngineAccess,
  image: CachedImage,
  options: StackOptions,
): Promise<boolean> {
  const { part, path, make } = image;
  const isMade = await ensureCachedFile(path, { ...options, part }, make);
  if (isMade && (await engine.hasImage(image.reference))) return true;
  const whyNot = await tryLoad(engine, image, options);
  if (!whyNot) return isMade;
  if (isMade) throw cannotBeLoaded(image, whyNot);
  const message = `${path} cannot be loaded (${whyNot.message}), so it is made anew`;
  options.onProgress({ part, state: 'note', message, elapsedMs: 0 });
  await remakeCachedFile(path, { ...options, part }, make);
  if (await engine.hasImage(image.reference)) return true;
  const still = await tryLoad(engine, image, options);
  if (still) throw cannotBeLoaded(image, still);
  return true;
}

/** What the engine has against the tar; what is wrong with the engine itself is thrown. */
async function tryLoad(
  engine: EngineAccess,
  { part, title, reference, path }: CachedImage,
  options: StackOptions,
): Promise<Error | undefined> {
  try {
    await reportStep(options, part, {
      doing: `loading ${title} from ${path}`,
      done: () => `${title} is in the engine`,
      run: async () => {
        await engine.loadImage(path, options.signal);
        if (!(await engine.hasImage(reference))) throw new NotInTar(`there is no ${reference} in it`);
      },
    });
    return undefined;
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof NotInTar) return error;
    if (isSlipwayError(error) && error.type === 'EngineRequestFailed') return error;
    throw error;
  }
}

class NotInTar extends Error {}

function cannotBeLoaded({ title, path, otherwise }: CachedImage, cause: Error): SetupFailed {
  return new SetupFailed(`${title} cannot be loaded from ${path}`, cause.message, otherwise, { cause });
}
