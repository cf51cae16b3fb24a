import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { findLocalRepository } from '../../../client/local-repository.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

// Git processes take their time on a busy machine.
jest.setTimeout(60_000);

describe('the repository of a directory', () => {
  it('is of a linked worktree the one that it belongs to, also where a hook runs', async () => {
    using scratch = scratchDirectory();
    const main = new GitRepository(join(scratch.path, 'app'));
    main.commit({ 'deep/a': 'a' });
    const directory = join(scratch.path, 'app-fix');
    main.git('worktree', 'add', '--quiet', '-b', 'fix', directory);
    const worktree = { directory, repository: main.directory, isBare: false };

    expect(await findLocalRepository(directory)).toEqual(worktree);
    expect(await findLocalRepository(join(directory, 'deep'))).toEqual(worktree);
    const inHook = await findLocalRepository(join(main.directory, '.git/worktrees/app-fix'));
    expect(inHook.repository).toBe(main.directory);
  });

  it('is of a linked worktree also a bare one', async () => {
    using scratch = scratchDirectory();
    const main = new GitRepository(join(scratch.path, 'app'));
    main.commit({ a: 'a' });
    for (const name of ['served.git', 'tool/.git']) {
      const bare = join(scratch.path, name);
      main.git('clone', '--quiet', '--bare', '.', bare);
      const directory = join(scratch.path, 'tool', `of-${name.length}`);
      main.git('-C', bare, 'worktree', 'add', '--quiet', directory);

      expect(await findLocalRepository(directory)).toEqual({ directory, repository: bare, isBare: false });
      expect(await findLocalRepository(bare)).toEqual({ directory: bare, repository: bare, isBare: true });
    }
  });

  it('is any other one itself', async () => {
    using scratch = scratchDirectory();
    const { directory } = new GitRepository(scratch.path);

    for (const path of [directory, join(directory, '.git'), `file://${directory}`])
      expect(await findLocalRepository(path)).toEqual({ directory, repository: directory, isBare: false });
  });
});
