import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { SourceTree } from '../../../model/source-tree.ts';
import { createGitTree } from '../../../source/git-tree.ts';
import { openCheckout } from '../../../source/checkout.ts';
import { openWorktree } from '../../../source/worktree.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

// Git processes take their time on a busy machine.
jest.setTimeout(120_000);

describe('a checkout with .git', () => {
  const scratch = scratchDirectory();
  let repository: GitRepository;
  let revision: string;
  let unpackedOnes = 0;
  beforeAll(() => {
    repository = new GitRepository(join(scratch.path, 'repository'));
    for (const number of [1, 2, 3, 4]) revision = repository.commit({ 'a.txt': `${number}\n` });
    revision = repository.commit({
      '.gitattributes': '*.crlf text eol=crlf\nlines.txt export-subst\n',
      'dir/run.sh': { executable: '#!/bin/sh\n' },
      'dir/ä b': 'ä',
      empty: '',
      link: { link: 'dir/run.sh' },
      'lines.txt': '$Format:%H$\n',
      'w.crlf': 'a\nb\n',
      ['x'.repeat(200) + '/' + 'y'.repeat(100)]: 'deep',
    });
  });
  afterAll(() => scratch[Symbol.dispose]());

  /** Unpacks it as an engine does: with the times that it has. */
  async function unpack(tree: SourceTree, depth = 1, dated?: Date): Promise<(...args: string[]) => string> {
    const directory = join(scratch.path, `unpacked-${(unpackedOnes += 1)}`);
    mkdirSync(directory);
    execFileSync('tar', ['-x', '-p', '-f', '-', '-C', directory], {
      input: await buffer(tree.archive(undefined, { dated, git: { depth } })),
    });
    return (...args) => {
      const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
      return execFileSync('git', args, { cwd: directory, encoding: 'utf8', env }).trimEnd();
    };
  }

  it('is one at that commit: nothing differs from it, also for what only compares times, and all of it is there', async () => {
    const git = await unpack(openCheckout(repository.directory, revision));

    // Before any command has brought the index up to date.
    expect(git('diff-index', 'HEAD')).toBe('');
    expect(git('diff-files')).toBe('');
    expect(git('status', '--porcelain')).toBe('');
    expect(git('rev-parse', 'HEAD')).toBe(revision);
    expect(git('log', '-1', '--format=%s %an')).toBe('change A');
    expect(git('describe', '--always', '--dirty', '--abbrev=40')).toBe(revision);
    expect(git('fsck', '--full', '--strict')).toBe('');
    expect(git('rev-list', '--count', 'HEAD')).toBe('1');
    expect(git('remote')).toBe('');
    expect(git('cat-file', '-p', 'HEAD')).toContain('parent ');
  });

  it('sees what is changed in it, and takes commits', async () => {
    const git = await unpack(openCheckout(repository.directory, revision));
    const top = git('rev-parse', '--show-toplevel');
    const { mtime } = statSync(join(top, 'a.txt'));
    writeFileSync(join(top, 'a.txt'), '5\n');
    // As long as before, and in the same moment.
    utimesSync(join(top, 'a.txt'), mtime, mtime);
    rmSync(join(top, 'empty'));

    expect(git('status', '--porcelain')).toBe(' M a.txt\n D empty');
    git('-c', 'user.name=B', '-c', 'user.email=b@example.org', 'commit', '--quiet', '--all', '-m', 'more');
    expect(git('log', '--format=%s')).toBe('more\nchange');
    expect(git('status', '--porcelain')).toBe('');
  });

  it('has as many commits of its history as are asked for, and all where there are no more', async () => {
    const tree = openCheckout(repository.directory, revision);
    const three = await unpack(tree, 3);
    const all = await unpack(tree, 50);

    expect(three('rev-list', '--count', 'HEAD')).toBe('3');
    expect(three('rev-parse', '--is-shallow-repository')).toBe('true');
    expect(all('rev-list', '--count', 'HEAD')).toBe('5');
    expect(all('rev-parse', '--is-shallow-repository')).toBe('false');
    expect(all('diff', '--stat', 'HEAD~4', 'HEAD~3')).toContain('a.txt');
  });

  it('has the tags that lead to its commits, whatever their kind, and no others', async () => {
    const tagged = new GitRepository(join(scratch.path, 'tagged'));
    tagged.commit({ a: '1' });
    tagged.git('tag', 'before');
    tagged.commit({ a: '2' });
    tagged.git('tag', '-a', 'v1.0', '-m', 'the first');
    const tip = tagged.commit({ a: '3' });
    tagged.git('checkout', '--quiet', '-b', 'other');
    tagged.commit({ a: '4' });
    tagged.git('tag', 'elsewhere');
    const tree = openCheckout(tagged.directory, tip);

    const one = await unpack(tree, 1);
    const two = await unpack(tree, 2);
    const all = await unpack(tree, 50);

    expect(one('tag')).toBe('');
    expect(one('rev-list', '--count', '--all')).toBe('1');
    expect(two('tag')).toBe('v1.0');
    expect(two('describe')).toBe(`v1.0-1-g${tip.slice(0, 7)}`);
    expect(all('tag')).toBe('before\nv1.0');
    expect(all('cat-file', '-t', 'v1.0')).toBe('tag');
    expect(all('for-each-ref', 'refs/heads')).toBe('');
    for (const git of [one, two, all]) {
      expect(git('fsck', '--full', '--strict')).toBe('');
      expect(git('status', '--porcelain')).toBe('');
    }
  });

  it('of a repository with the other hash is one too', async () => {
    const directory = join(scratch.path, 'sha256');
    execFileSync('git', ['init', '--quiet', '--object-format=sha256', '--initial-branch=main', directory]);
    const other = new GitRepository(directory);
    const commit = other.commit({ a: 'a', 'b/c': 'c' });

    const git = await unpack(openCheckout(directory, commit));

    expect(git('rev-parse', 'HEAD')).toBe(commit);
    expect(git('diff-index', 'HEAD')).toBe('');
    expect(git('fsck')).toBe('');
  });

  it('of a shallow repository, and of a submodule, is one too', async () => {
    const shallow = join(scratch.path, 'shallow');
    const from = `file://${repository.directory}`;
    execFileSync('git', ['clone', '--quiet', '--depth=2', from, shallow]);
    const withModule = new GitRepository(join(scratch.path, 'with-module'));
    withModule.commit({ a: 'a' });
    withModule.git('update-index', '--add', '--cacheinfo', `160000,${revision},module`);
    withModule.git('commit', '--quiet', '-m', 'module');

    const one = await unpack(openCheckout(shallow, revision), 9);
    const two = await unpack(openCheckout(withModule.directory, withModule.git('rev-parse', 'HEAD')));

    expect(one('rev-list', '--count', 'HEAD')).toBe('2');
    expect(two('status', '--porcelain')).toBe('');
    expect(two('diff-index', 'HEAD')).toBe('');
  });

  it('of an old tree, whose files have modes that git gives no more, is one too', async () => {
    const blob = repository.git('rev-parse', `${revision}:a.txt`);
    const tree = execFileSync('git', ['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], {
      cwd: repository.directory,
      input: Buffer.concat([Buffer.from('100664 a.txt\0'), Buffer.from(blob, 'hex')]),
    });
    const commit = repository.git('commit-tree', tree.toString().trim(), '-m', 'old');

    const git = await unpack(openCheckout(repository.directory, commit));

    expect(git('diff-index', 'HEAD')).toBe('');
    expect(git('status', '--porcelain')).toBe('');
  });

  it('of a working tree is at its commit, and shows what is not committed', async () => {
    writeFileSync(join(repository.directory, 'a.txt'), 'not committed\n');

    const git = await unpack(await openWorktree(repository.directory));
    repository.git('checkout', '--quiet', 'a.txt');

    expect(git('rev-parse', 'HEAD')).toBe(revision);
    expect(git('status', '--porcelain')).toBe(' M a.txt');
    const unborn = new GitRepository(join(scratch.path, 'unborn'));
    const tree = await openWorktree(unborn.directory);
    await expect(buffer(tree.archive(undefined, { git: { depth: 1 } }))).rejects.toThrow('is no commit yet');
  });

  it('is made once for many who want it, and few are kept', async () => {
    const keptIn = join(scratch.path, 'kept');
    const dated = new Date(1_700_000_000_123);
    const treeAt = (commit: string, url = repository.directory): SourceTree =>
      createGitTree({ directory: repository.directory, revision: commit, repository: url, keptIn });
    const all = await Promise.all(
      Array.from({ length: 5 }, () =>
        buffer(treeAt(revision).archive(undefined, { dated, git: { depth: 1 } })),
      ),
    );

    expect(new Set(all.map((tar) => tar.toString('latin1'))).size).toBe(1);
    expect(readdirSync(keptIn)).toEqual([expect.stringMatching(`^${revision}-1-[0-9a-f]{12}$`)]);
    // Each fits the files beside it, whenever they are put there.
    for (const time of [dated, new Date(dated.getTime() + 60_001)])
      expect((await unpack(treeAt(revision), 1, time))('diff-files')).toBe('');
    expect(readdirSync(keptIn)).toHaveLength(1);
    for (const depth of [1, 2, 3, 4, 5, 6]) {
      const archive = treeAt(revision, 'https://git.example.org/a.git').archive(undefined, {
        git: { depth },
      });
      expect((await buffer(archive)).includes('url = "https://git.example.org/a.git"')).toBe(true);
    }
    expect(readdirSync(keptIn)).toHaveLength(4);
    // One that goes away while it is read is read to its end.
    const reading = treeAt(revision)
      .archive(undefined, { git: { depth: 6 } })
      [Symbol.asyncIterator]();
    await reading.next();
    rmSync(keptIn, { recursive: true });
    for (let next = await reading.next(); !next.done; next = await reading.next()) continue;
    const git = await unpack(treeAt(revision), 6);
    expect(git('status', '--porcelain')).toBe('');
    // One that was made before a tag was set is not that of the next who wants it.
    repository.git('tag', 'late', `${revision}~1`);
    const later = await unpack(treeAt(revision), 6);
    repository.git('tag', '-d', 'late');
    expect([git('tag'), later('tag')]).toEqual(['', 'late']);
  });
});
