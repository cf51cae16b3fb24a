import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { contextHashes } from '../../../client/cli/context-hashes.ts';
import { localSource } from '../../../client/local-source.ts';
import { purgeState } from '../../../stack/purge-state.ts';
import { FIRST_SERVER_CONFIG } from '../../../stack/server-config.ts';
import { ensureStateDirectories, statePaths } from '../../../stack/state-directory.ts';
import type { StatePaths } from '../../../stack/state-directory.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

let scratch: ReturnType<typeof scratchDirectory>;
let repository: GitRepository;
let paths: StatePaths;
beforeEach(() => {
  scratch = scratchDirectory();
  repository = new GitRepository(join(scratch.path, 'repository'));
  paths = statePaths(join(repository.directory, '.slipway'));
});
afterEach(async () => {
  await rm(paths.runtime, { recursive: true, force: true });
  scratch[Symbol.dispose]();
});

const untracked = (): string => repository.git('status', '--porcelain', '--untracked-files=all');

describe('a state directory in a repository', () => {
  it('has nothing that git would take, and nothing of it is left by a purge', async () => {
    await ensureStateDirectories(paths);
    await writeFile(paths.settings, '{}');
    await writeFile(paths.serverConfig, FIRST_SERVER_CONFIG);

    expect(untracked()).toBe('');

    await purgeState(paths);

    await expect(stat(paths.root)).rejects.toThrow('ENOENT');
  });

  it('is kept from git too where an earlier version made it', async () => {
    await mkdir(paths.root);
    await writeFile(paths.settings, '{}');

    await ensureStateDirectories(paths);

    expect(untracked()).toBe('');
  });

  it('is kept from git for as long as a purge leaves something in it', async () => {
    await ensureStateDirectories(paths);
    await writeFile(paths.serverConfig, 'version: 1\n');

    await purgeState(paths);

    expect(await readdir(paths.root)).toEqual(['.gitignore', 'slipway.config.yml']);
    expect(untracked()).toBe('');
  });

  it('keeps a .gitignore that somebody wrote', async () => {
    const own = join(paths.root, '.gitignore');
    await mkdir(paths.root);
    await writeFile(own, '!*\n');

    await ensureStateDirectories(paths);
    await purgeState(paths);

    expect(await readFile(own, 'utf8')).toBe('!*\n');
  });

  it.each([
    [
      'a mirror',
      'mirrors',
      async (env: NodeJS.ProcessEnv) => {
        const other = new GitRepository(join(scratch.path, 'other'));
        await localSource(env).open(`file://${other.directory}`, { revision: other.commit({ a: 'a' }) });
      },
    ],
    [
      'a context hash',
      'cache',
      (env: NodeJS.ProcessEnv) => contextHashes(env).keep(new Map(), '', 'a'.repeat(64)),
    ],
  ])('is kept from git where a verb makes it for %s', async (_, name, work) => {
    await work({ SLIPWAY_HOME: paths.root });

    expect(await readdir(paths.root)).toContain(name);
    expect(untracked()).toBe('');
  });
});
