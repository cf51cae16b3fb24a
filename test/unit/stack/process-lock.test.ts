import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SetupFailed } from '../../../model/errors.ts';
import { withCacheLock } from '../../../stack/cache-lock.ts';
import { identifyProcess } from '../../../stack/process-identity.ts';
import { becomeOwner, clearOwner, findOwner, resignAsOwner } from '../../../stack/stack-owner.ts';
import { statePaths } from '../../../stack/state-directory.ts';

const DEAD = JSON.stringify({ pid: 4_000_000, started: 'long ago' });

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'slipway löck-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe('withCacheLock', () => {
  it('lets one in at a time, however many find a dead holder at once, and leaves nothing', async () => {
    const path = join(directory, 'a.lock');
    let inside = 0;
    let most = 0;
    let done = 0;
    const options = { signal: AbortSignal.timeout(60_000), onWait: () => undefined };
    for (let round = 0; round < 6; round += 1) {
      await symlink(DEAD, path);
      const enter = async (after: number): Promise<void> => {
        await delay(after);
        await withCacheLock(path, options, async () => {
          inside += 1;
          most = Math.max(most, inside);
          await delay(2);
          inside -= 1;
          done += 1;
        });
      };
      await Promise.all([0, 0, 0, 0, 1, 1].map(enter));
    }

    expect({ most, done, left: await readdir(directory) }).toEqual({ most: 1, done: 36, left: [] });
  }, 60_000);

  it('passes to the heir of an heir that was killed too, and to nobody while a heir lives', async () => {
    const path = join(directory, 'a.lock');
    await symlink(DEAD, path);
    const room = join(import.meta.dirname, '..', '..', '..', 'stack', 'process-lock.ts');
    const script = `const { takeLock } = await import(${JSON.stringify(room)}); await takeLock(${JSON.stringify(path)}); console.log('taken'); setInterval(() => {}, 1000);`;
    const heir = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(heir.stdout, 'data');
    const waitedFor: number[] = [];

    await withCacheLock(
      path,
      {
        signal: AbortSignal.timeout(30_000),
        onWait: ({ pid }) => {
          waitedFor.push(pid);
          heir.kill('SIGKILL');
        },
      },
      async () => expect(await readdir(directory)).toHaveLength(3),
    );

    expect(waitedFor).toEqual([heir.pid]);
    expect(await readdir(directory)).toEqual([]);
  });

  it('gives up only what is its own', async () => {
    const path = join(directory, 'a.lock');
    const foreign = JSON.stringify(await identifyProcess(process.ppid));

    await withCacheLock(path, { signal: AbortSignal.timeout(10_000), onWait: () => undefined }, async () => {
      // As when somebody removes it by hand and another process takes it.
      await rm(path);
      await symlink(foreign, path);
    });

    expect(await readdir(directory)).toEqual(['a.lock']);
  });
});

describe('the owner of a stack', () => {
  it('is one, however many come after a killed one, and none after it has resigned', async () => {
    const paths = statePaths(directory);
    for (let round = 0; round < 50; round += 1) {
      // As an earlier version wrote it.
      await writeFile(paths.owner, DEAD);

      const all = await Promise.allSettled(Array.from({ length: 6 }, () => becomeOwner(paths)));

      const refused = all.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
      expect(refused).toHaveLength(5);
      for (const reason of refused) expect(reason).toBeInstanceOf(SetupFailed);
      expect((await findOwner(paths))?.pid).toBe(process.pid);
      await resignAsOwner(paths);
      expect(await findOwner(paths)).toBeUndefined();
      expect(await readdir(directory)).toEqual([]);
    }
  });

  it('is cleared away by others only when it is dead', async () => {
    const paths = statePaths(directory);
    await writeFile(paths.owner, DEAD);
    await clearOwner(paths);
    expect(await readdir(directory)).toEqual([]);

    await symlink(JSON.stringify(await identifyProcess(process.ppid)), paths.owner);
    await clearOwner(paths);
    await resignAsOwner(paths);
    expect((await findOwner(paths))?.pid).toBe(process.ppid);
  });
});
