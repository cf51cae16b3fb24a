import { join } from 'node:path';
import { detailOf } from '../docker/engine-errors.ts';
import { cacheDirectory } from './cache-directory.ts';
import { debootstrap } from './debootstrap.ts';
import type { EngineAccess } from './engine-access.ts';
import { loadCachedImage } from './load-cached-image.ts';
import type { CachedImage } from './load-cached-image.ts';
import type { StackOptions } from './stack-options.ts';

const REFERENCE = 'debian:bookworm';
const SUITE = 'bookworm';
const PULL_IDLE_MS = 10_000;

export interface BaseImage {
  readonly reference: string;
  /** How it came into the engine, as the store's record says it. */
  readonly source: 'engine' | 'pulled' | 'debootstrap' | 'cache';
}

/**
 * Makes sure that the engine has the base image: as it has it, from the user's cache, pulled if a registry answers within
 * ten seconds, else made by debootstrap. What was got is kept in the cache. @throws {SetupFailed}
 */
export async function ensureBaseImage(engine: EngineAccess, options: StackOptions): Promise<BaseImage> {
  if (await engine.hasImage(REFERENCE)) return { reference: REFERENCE, source: 'engine' };
  const architecture = await engine.architecture();
  const cached = join(cacheDirectory(options.env), 'images', `debian-bookworm-${architecture}.tar`);
  let isPulled = false;
  const image: CachedImage = {
    part: 'base image',
    title: REFERENCE,
    reference: REFERENCE,
    path: cached,
    make: async (aside) => {
      isPulled = await tryPull(engine, options);
      if (isPulled) await engine.saveImage(REFERENCE, aside, options.signal);
      else await debootstrap(aside, { ...options, reference: REFERENCE, suite: SUITE, architecture });
    },
    otherwise: `Type: docker pull ${REFERENCE}`,
  };
  const isMade = await loadCachedImage(engine, image, options);
  if (isPulled) return { reference: REFERENCE, source: 'pulled' };
  return { reference: REFERENCE, source: isMade ? 'debootstrap' : 'cache' };
}

async function tryPull(engine: EngineAccess, options: StackOptions): Promise<boolean> {
  const began = Date.now();
  const say = (state: 'start' | 'note' | 'done', message: string): void =>
    options.onProgress({ part: 'base image', state, message, elapsedMs: Date.now() - began });
  say('start', `pulling ${REFERENCE}`);
  try {
    await engine.pullImage(REFERENCE, { idleMs: PULL_IDLE_MS, signal: options.signal });
    say('done', `pulled ${REFERENCE}`);
    return true;
  } catch (error) {
    options.signal.throwIfAborted();
    say('note', `${REFERENCE} cannot be pulled: ${detailOf(error)}`);
    return false;
  }
}
