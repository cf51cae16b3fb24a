import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { dirtyFiles } from '../../../source/checkout.ts';
import { openWorktree } from '../../../source/worktree.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

// Git processes take their time on a busy machine.
jest.setTimeout(60_000);

describe('the working tree', () => {
  it('is what is tracked as it stands: changed, staged, deleted and newly added, and nothing else', async () => {
    using scratch = scratchDirectory();
    const repository = new GitRepository(scratch.path);
    repository.commit({
      '.gitignore': 'ignored\n',
      same: 'same',
      changed: 'one',
      staged: 'one',
      gone: 'one',
      'run.sh': '#!/bin/sh\n',
    });
    const at = (name: string): string => join(scratch.path, name);
    writeFileSync(at('changed'), 'two');
    writeFileSync(at('staged'), 'two');
    writeFileSync(at('added'), 'new');
    repository.git('add', 'staged', 'added');
    writeFileSync(at('staged'), 'three');
    rmSync(at('gone'));
    chmodSync(at('run.sh'), 0o755);
    writeFileSync(at('untracked'), 'x');
    writeFileSync(at('ignored'), 'x');
    const before = repository.git('status', '--porcelain');

    const tree = await openWorktree(scratch.path);

    const entries = await tree.list('');
    expect(entries.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      'file .gitignore',
      'file added',
      'file changed',
      'executable run.sh',
      'file same',
      'file staged',
    ]);
    expect(String(await tree.readFile('changed'))).toBe('two');
    expect(String(await tree.readFile('staged'))).toBe('three');
    expect(repository.git('status', '--porcelain')).toBe(before);
  });

  it('is that of the revision when nothing differs, also seen from a directory below', async () => {
    using scratch = scratchDirectory();
    const repository = new GitRepository(scratch.path);
    repository.commit({ a: 'a', 'd/b': 'b' });

    const tree = await openWorktree(join(scratch.path, 'd'));

    expect(tree.revision).toBe(repository.git('rev-parse', 'HEAD^{tree}'));
  });

  it('of a repository that tracks nothing is empty', async () => {
    using scratch = scratchDirectory();
    const { directory } = new GitRepository(scratch.path);

    expect(await (await openWorktree(directory)).list('')).toEqual([]);
  });

  // Only root can give a directory to somebody else.
  (process.getuid?.() === 0 ? it : it.skip)(
    "of somebody else's is not looked at, since git would run the filters that it names",
    async () => {
      using scratch = scratchDirectory();
      const mark = join(scratch.path, 'ran');
      const repository = new GitRepository(join(scratch.path, 'theirs'));
      repository.commit({ '.gitattributes': '* filter=own\n', a: 'one' });
      repository.git('config', 'filter.own.clean', `touch ${mark}; cat`);
      const change = (): void => writeFileSync(join(repository.directory, 'a'), 'two');
      change();
      expect(await dirtyFiles(repository.directory)).toEqual(['a']);
      expect(existsSync(mark)).toBe(true);
      rmSync(mark);
      change();
      execFileSync('chown', ['-R', '65534', repository.directory]);

      expect(await dirtyFiles(repository.directory)).toEqual([]);
      await expect(openWorktree(repository.directory)).rejects.toThrow('dubious ownership');
      expect(existsSync(mark)).toBe(false);
    },
  );

  it('of what is no repository cannot be had', async () => {
    using scratch = scratchDirectory();

    await expect(openWorktree(scratch.path)).rejects.toMatchObject({ type: 'RepositoryUnavailable' });
  });
});
