import { execFileSync } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { SourceTree } from '../../../model/source-tree.ts';
import { dirtyFiles, openCheckout } from '../../../source/git-source.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

// Git processes take their time on a busy machine.
jest.setTimeout(60_000);

const scratch = scratchDirectory();
let repository: GitRepository;
let tree: SourceTree;

beforeAll(() => {
  repository = new GitRepository(`${scratch.path}/repository`);
  const revision = repository.commit({
    'a.txt': 'a',
    'dir/run.sh': { executable: '#!/bin/sh\n' },
    'dir/sub/b': 'b',
    'dir-2': 'c',
    é: 'd',
    'bytes-\udcff': 'e',
    link: { link: 'dir/sub/b' },
    large: Buffer.alloc(700_000, 'x'),
    empty: '',
    '.gitattributes': '* export-ignore export-subst text eol=crlf\n',
    'lines.txt': 'one\ntwo $Format:%H$\n',
  });
  repository.git('update-index', '--add', '--cacheinfo', `160000,${revision},module`);
  repository.git('commit', '--quiet', '--message', 'a submodule');
  tree = openCheckout(repository.directory, repository.git('rev-parse', 'HEAD'));
});

afterAll(() => scratch[Symbol.dispose]());

describe('a tree of git', () => {
  it('lists everything in code point order, with kinds', async () => {
    const entries = await tree.list('');

    expect(entries.map(({ path, kind }) => [path, kind])).toEqual([
      ['.gitattributes', 'file'],
      ['a.txt', 'file'],
      ['bytes-\udcff', 'file'],
      ['dir-2', 'file'],
      ['dir/run.sh', 'executable'],
      ['dir/sub/b', 'file'],
      ['empty', 'file'],
      ['large', 'file'],
      ['lines.txt', 'file'],
      ['link', 'symlink'],
      ['module', 'submodule'],
      ['é', 'file'],
    ]);
  });

  it('lists a directory, and nothing for what is none', async () => {
    const paths = async (directory: string): Promise<string[]> =>
      (await tree.list(directory)).map(({ path }) => path);

    expect(await paths('dir')).toEqual(['dir/run.sh', 'dir/sub/b']);
    expect(await paths('dir/sub')).toEqual(['dir/sub/b']);
    expect(await paths('di')).toEqual([]);
    expect(await paths('a.txt')).toEqual([]);
  });

  it('finds entries, not directories', async () => {
    expect(await tree.find('dir/run.sh')).toMatchObject({ kind: 'executable' });
    expect(await tree.find('dir')).toBeUndefined();
    expect(await tree.find('nothing')).toBeUndefined();
  });

  it('locates what stands at a path by the ids that git has, without a listing', async () => {
    const id = (path: string): string => repository.git('rev-parse', `HEAD:${path}`);
    const fresh = openCheckout(repository.directory, tree.revision);

    expect(await fresh.locate('')).toEqual({ kind: 'directory', objectId: id('') });
    expect(await fresh.locate('dir/sub')).toEqual({ kind: 'directory', objectId: id('dir/sub') });
    expect(await fresh.locate('dir/run.sh')).toEqual({ kind: 'executable', objectId: id('dir/run.sh') });
    expect(await fresh.locate('bytes-\udcff')).toMatchObject({ kind: 'file' });
    expect(await fresh.locate('link')).toEqual({ kind: 'symlink', objectId: id('link') });
    expect(await fresh.locate('module')).toMatchObject({ kind: 'submodule' });
    for (const nothing of ['dir/', '/dir', 'dir//sub', 'dir/sub/b/c', 'link/x', 'module/x', 'di', '.'])
      expect([nothing, await fresh.locate(nothing)]).toEqual([nothing, undefined]);
  });

  it('reads files, and of a link where it leads', async () => {
    expect(await tree.readFile('dir/sub/b')).toEqual(Buffer.from('b'));
    expect(await tree.readFile('empty')).toEqual(Buffer.alloc(0));
    expect(await tree.readFile('link')).toEqual(Buffer.from('dir/sub/b'));
    expect(await tree.readFile('bytes-\udcff')).toEqual(Buffer.from('e'));
    expect(await tree.readFile('dir')).toBeUndefined();
    expect(await tree.readFile('module')).toBeUndefined();
  });

  it('does not see the working tree', async () => {
    repository.git('checkout', '--quiet', 'HEAD', '--', 'a.txt');
    execFileSync('sh', ['-c', 'echo changed > a.txt; echo new > untracked'], { cwd: repository.directory });

    expect(await tree.readFile('a.txt')).toEqual(Buffer.from('a'));
    expect(await tree.find('untracked')).toBeUndefined();
    expect(await dirtyFiles(repository.directory)).toContain('a.txt');
    expect(await dirtyFiles(`${repository.directory}/dir`)).not.toContain('untracked');
  });

  it('streams many contents in the order asked for, however large', async () => {
    const entries = (await tree.list('')).filter(({ kind }) => kind !== 'submodule').reverse();
    const sizes: [string, number, number][] = [];

    for await (const { entry, sizeBytes, body } of tree.readMany(entries))
      sizes.push([entry.path, sizeBytes, (await buffer(body)).length]);

    expect(sizes.map(([path]) => path)).toEqual(entries.map(({ path }) => path));
    expect(sizes.every(([, announced, got]) => announced === got)).toBe(true);
    expect(sizes).toContainEqual(['large', 700_000, 700_000]);
  });

  it('passes over contents that nobody reads', async () => {
    const wanted = ['large', 'a.txt', 'large', 'dir/sub/b'];
    const entries = await Promise.all(wanted.map(async (path) => (await tree.find(path))!));
    const read: string[] = [];

    for await (const { entry, body } of tree.readMany(entries))
      if (entry.path !== 'large') read.push((await buffer(body)).toString());

    expect(read).toEqual(['a', 'b']);
  });

  it('keeps the order of very many, which several processes read side by side', async () => {
    const many = new GitRepository(`${scratch.path}/many`);
    const sizeOf = (at: number): number => (at % 7 === 0 ? 400_000 + at : at % 2 === 0 ? at * 37 : 0);
    const files = Object.fromEntries(
      Array.from({ length: 450 }, (_, at) => [`f${at}`, Buffer.alloc(sizeOf(at), String(at))] as const),
    );
    const bigTree = openCheckout(many.directory, many.commit(files));
    const entries = await bigTree.list('');
    const wrong: string[] = [];
    const read: string[] = [];

    for await (const { entry, body } of bigTree.readMany(entries)) {
      read.push(entry.path);
      if (read.length % 3 > 0 && !(await buffer(body)).equals(files[entry.path] ?? Buffer.alloc(1)))
        wrong.push(entry.path);
    }

    expect(read).toEqual(entries.map(({ path }) => path));
    expect(wrong).toEqual([]);
    const gone = { path: 'gone', kind: 'file', objectId: '0'.repeat(40) } as const;
    const withGone = async (): Promise<void> => {
      for await (const { body } of bigTree.readMany([...entries.slice(0, 120), gone, ...entries]))
        await buffer(body);
    };
    await expect(withGone()).rejects.toThrow('"gone"');
  });

  it('can be read by several at once and left in the middle', async () => {
    const entries = (await tree.list('')).filter(({ kind }) => kind !== 'submodule');
    const leave = async (): Promise<void> => {
      for await (const { entry } of tree.readMany(entries)) if (entry.path === 'large') return;
    };

    const [text] = await Promise.all([tree.readFile('lines.txt'), leave(), leave(), tree.readFile('large')]);

    expect(text?.toString()).toBe('one\ntwo $Format:%H$\n');
    expect(await tree.readFile('a.txt')).toEqual(Buffer.from('a'));
  });

  it('stops when asked to', async () => {
    const controller = new AbortController();
    const reading = (async () => {
      const large = (await tree.find('large'))!;
      for await (const { body } of tree.readMany([large, large, large], controller.signal)) {
        controller.abort(new Error('enough'));
        await buffer(body);
      }
    })();

    await expect(reading).rejects.toThrow();
    await expect(tree.readFile('a.txt', controller.signal)).rejects.toThrow('enough');
    expect(await tree.readFile('a.txt')).toEqual(Buffer.from('a'));
  });

  it('archives the tree as it is, whatever its attributes say', async () => {
    const unpacked = `${scratch.path}/unpacked`;
    execFileSync('mkdir', [unpacked]);
    execFileSync('tar', ['-x', '-p', '-f', '-', '-C', unpacked], { input: await buffer(tree.archive()) });

    const found = execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P %y %m [%l]\\n'], {
      cwd: unpacked,
    });
    const lines = execFileSync('cat', [`${unpacked}/lines.txt`]).toString();

    expect(lines).toBe('one\ntwo $Format:%H$\n');
    expect(found.toString('latin1').trimEnd().split('\n').sort()).toEqual([
      '.gitattributes f 644 []',
      'a.txt f 644 []',
      'bytes-\u00ff f 644 []',
      'dir d 755 []',
      'dir-2 f 644 []',
      'dir/run.sh f 755 []',
      'dir/sub d 755 []',
      'dir/sub/b f 644 []',
      'empty f 644 []',
      'large f 644 []',
      'lines.txt f 644 []',
      'link l 777 [dir/sub/b]',
      'module d 755 []',
      'Ã© f 644 []',
    ]);
  });

  it('dates all of an archive as it is told, to the millisecond, else now and not when it was committed', async () => {
    const timesIn = async (name: string, dated?: Date): Promise<readonly number[]> => {
      const directory = `${scratch.path}/${name}`;
      execFileSync('mkdir', [directory]);
      const tar = await buffer(tree.archive(undefined, { dated }));
      const args = ['-x', '-p', '--delay-directory-restore', '-f', '-', '-C', directory];
      execFileSync('tar', args, { input: tar });
      const found = execFileSync('find', [directory, '-mindepth', '1', '-printf', '%T@\\n']).toString();
      return [...new Set(found.trimEnd().split('\n').map(Number))];
    };
    const before = Math.max(Date.now(), (Number(repository.git('show', '-s', '--format=%ct')) + 1) * 1000);
    while (Date.now() < before) await delay(before - Date.now());

    const told = await timesIn('dated', new Date(1_700_000_000_123));
    const now = await timesIn('now');

    expect(told).toEqual([1_700_000_000.123]);
    expect(now).toHaveLength(1);
    expect(now[0]).toBeGreaterThanOrEqual(before / 1000);
    expect(now[0]).toBeLessThanOrEqual(Date.now() / 1000);
  });

  it('says when the revision or the repository is not there', async () => {
    const gone = openCheckout(repository.directory, '0123456789'.repeat(4));
    const nowhere = openCheckout(`${scratch.path}/nowhere`, '0123456789'.repeat(4));

    await expect(gone.list('')).rejects.toMatchObject({ type: 'RevisionNotFound' });
    await expect(nowhere.list('')).rejects.toMatchObject({ type: 'RepositoryUnavailable' });
    await expect(openCheckout(repository.directory, '--all').list('')).rejects.toMatchObject({
      type: 'RevisionNotFound',
    });
  });

  it('refuses a tree with paths that no checkout would have', async () => {
    const blob = repository.git('rev-parse', 'HEAD:a.txt');
    const tree = execFileSync('git', ['mktree'], {
      cwd: repository.directory,
      input: `100644 blob ${blob}\t.git\n`,
    });
    const commit = repository.git('commit-tree', tree.toString().trim(), '-m', 'hostile');

    await expect(openCheckout(repository.directory, commit).list('')).rejects.toThrow(
      'forbidden path ".git"',
    );
  });
});

describe('dirtyFiles', () => {
  it('is empty for a clean checkout, one without commits and a bare repository', async () => {
    const fresh = new GitRepository(`${scratch.path}/fresh`);
    const bare = new GitRepository(`${scratch.path}/bare.git`, { bare: true });

    expect(await dirtyFiles(fresh.directory)).toEqual([]);
    expect(await dirtyFiles(bare.directory)).toEqual([]);
    fresh.commit({ a: '1' });
    expect(await dirtyFiles(fresh.directory)).toEqual([]);
  });

  it('names changed, removed and staged files', async () => {
    const work = new GitRepository(`${scratch.path}/work`);
    work.commit({ changed: '1', removed: '2', same: '3', 'd/staged': '4' });
    execFileSync(
      'sh',
      [
        '-c',
        'echo x > changed; rm removed; echo y > d/staged; git add d/staged; touch same; echo u > untracked',
      ],
      { cwd: work.directory },
    );

    expect([...(await dirtyFiles(`${work.directory}/d`))].sort()).toEqual(['changed', 'd/staged', 'removed']);
  });

  it('says when the directory is no repository', async () => {
    await expect(dirtyFiles(`${scratch.path}/nowhere`)).rejects.toMatchObject({
      type: 'RepositoryUnavailable',
    });
  });
});
