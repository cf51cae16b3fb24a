import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Engine } from '../../docker/engine.ts';
import { cacheDirectory } from '../../stack/cache-directory.ts';
import { withCacheLock } from '../../stack/cache-lock.ts';
import { inCache } from '../../stack/in-cache.ts';
import type { Alone } from '../../steps/build-locally.ts';
import type { Session } from './session.ts';

/**
 * Lets one build of this user at a time into an engine; others wait, and say for whom. While an image is built there, its parent and
 * bases that have no record go by names that another build would give to other images, or take away.
 */
export async function oneBuildAtATime(
  engine: Pick<Engine, 'info'>,
  { env, signal, terminal }: Pick<Session, 'env' | 'signal' | 'terminal'>,
): Promise<Alone> {
  const { id } = await engine.info();
  const name = createHash('sha256').update(id).digest('hex').slice(0, 16);
  const path = join(cacheDirectory(env), 'builds', `${name}.lock`);
  const onWait = ({ pid }: { readonly pid: number }): void =>
    terminal.note(`slipway: process ${pid} builds in this engine; waiting for it`);
  return (work) =>
    inCache('A lock for builds', env, async () => {
      await mkdir(dirname(path), { recursive: true });
      return withCacheLock(path, { signal, onWait }, work);
    });
}
