import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, jest } from '@jest/globals';
import { openBuildContext } from '../../../images/build-context.ts';
import { createContextHashCache } from '../../../images/context-hash-cache.ts';
import type { SourceTree } from '../../../model/source-tree.ts';
import { openCheckout } from '../../../source/git-source.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import type { MemoryFile } from '../../helpers/memory-tree.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';

// Git processes take their time on a busy machine.
jest.setTimeout(60_000);

const FILES: Record<string, MemoryFile> = {
  'd/Dockerfile': '# %include inc\n# %include more\n# %ARG V\nFROM debian:12\nRUN $V\n',
  'd/a': 'a\n',
  'd/link': { link: '../inc' },
  'd/far': { link: '../current/x' },
  inc: 'inc\n',
  'more/y': 'y\n',
  current: { link: 'v1' },
  'v1/x': '1\n',
  'v2/x': '2\n',
};
const DEFINITION = { imageName: 'i', context: 'd', args: { V: '1' }, hasParent: false };

/** A tree that remembers which contents were read, and what was listed. */
function watched(files: Record<string, MemoryFile>): SourceTree & { readonly read: string[] } {
  const tree = memoryTree(files);
  const read: string[] = [];
  return {
    ...tree,
    read,
    list(directory, signal) {
      read.push(`everything below ${directory}`);
      return tree.list(directory, signal);
    },
    async *readMany(entries, signal) {
      read.push(...entries.map(({ path }) => path));
      yield* tree.readMany(entries, signal);
    },
  };
}

/** Notes the command line of every git that this process starts. */
function watchGit(directory: string): Disposable & { commands(): readonly string[] } {
  const log = join(directory, 'gits');
  const bin = join(directory, 'bin');
  const path = process.env['PATH'] ?? '';
  mkdirSync(bin);
  writeFileSync(log, '');
  writeFileSync(join(bin, 'git'), `#!/bin/sh\necho "$*" >> ${log}\nPATH='${path}'\nexec git "$@"\n`, {
    mode: 0o755,
  });
  process.env['PATH'] = `${bin}:${path}`;
  return {
    commands: () => readFileSync(log, 'utf8').trim().split('\n'),
    [Symbol.dispose]: () => void (process.env['PATH'] = path),
  };
}

describe('createContextHashCache', () => {
  it('answers for an unchanged context by the ids of its directories alone, also to another process', async () => {
    using scratch = scratchDirectory();
    const first = await openBuildContext(watched(FILES), DEFINITION, {
      cache: createContextHashCache(scratch.path),
    });
    const again = watched({ ...FILES, 'elsewhere.txt': 'changed' });

    const second = await openBuildContext(again, DEFINITION, { cache: createContextHashCache(scratch.path) });

    expect(second.contextHash).toBe(first.contextHash);
    expect(again.read).toEqual(['d/Dockerfile']);
    const names = (await second.files()).map(({ name }) => name);
    expect(names).toEqual(['Dockerfile', 'a', 'far', 'link', 'topsrcdir/inc', 'topsrcdir/more/y']);
    const tar = await buffer(second.tar());
    expect(createHash('sha256').update(tar).digest('hex')).toBe(first.contextHash);
  });

  it('answers without a look at contents when directories changed in what is no part of the context', async () => {
    using scratch = scratchDirectory();
    const first = await openBuildContext(memoryTree(FILES), DEFINITION, {
      cache: createContextHashCache(scratch.path),
    });
    const again = watched({ ...FILES, 'd/__pycache__/a.pyc': 'x' });

    const second = await openBuildContext(again, DEFINITION, { cache: createContextHashCache(scratch.path) });

    expect(second.contextHash).toBe(first.contextHash);
    expect(again.read).not.toContain('d/a');
  });

  it.each<[string, Record<string, MemoryFile>, Partial<typeof DEFINITION>]>([
    ['a file', { 'd/a': 'b\n' }, {}],
    ['a mode', { 'd/a': { executable: 'a\n' } }, {}],
    ['a name', { 'd/b': 'a\n' }, {}],
    ['an included file', { inc: 'other\n' }, {}],
    ['a file in an included directory', { 'more/y': 'z\n' }, {}],
    ['one more file in an included directory', { 'more/deep/z': 'z\n' }, {}],
    ['what a link leads to', { 'v1/x': 'other\n' }, {}],
    ['where a link leads', { 'd/far': { link: '../current/../v2/x' } }, {}],
    ['where a link on the way leads', { current: { link: 'v2' } }, {}],
    ['another parent', {}, { hasParent: true }],
    ['an argument that is substituted', {}, { args: { V: '2' } }],
    ['the Dockerfile', { 'd/Dockerfile': 'FROM debian:12\n' }, {}],
  ])('does not answer for another: %s', async (_, files, over) => {
    using scratch = scratchDirectory();
    const cache = createContextHashCache(scratch.path);
    await openBuildContext(memoryTree(FILES), DEFINITION, { cache });
    const tree = memoryTree({ ...FILES, ...files });
    const definition = { ...DEFINITION, ...over };

    const cached = await openBuildContext(tree, definition, { cache });

    expect(cached.contextHash).toBe((await openBuildContext(tree, definition)).contextHash);
  });

  it('needs one git process for a tree of many unchanged contexts, and nothing of it is listed', async () => {
    using scratch = scratchDirectory();
    const contexts = Array.from({ length: 8 }, (_, at) => `d${at}`);
    const files = contexts.flatMap((name) =>
      Object.entries(FILES).map(([path, file]) => [path.replace(/^d/, name), file] as const),
    );
    const repository = new GitRepository(`${scratch.path}/repository`);
    const revision = repository.commit(Object.fromEntries(files));
    const cache = createContextHashCache(`${scratch.path}/cache`);
    const hashes = async (): Promise<string[]> => {
      const tree = openCheckout(repository.directory, revision);
      const found: string[] = [];
      for (const context of contexts)
        found.push((await openBuildContext(tree, { ...DEFINITION, context }, { cache })).contextHash);
      return found;
    };
    const first = await hashes();
    using gits = watchGit(scratch.path);

    expect(await hashes()).toEqual(first);

    expect(gits.commands()).toEqual([expect.stringContaining('cat-file --batch')]);
  });

  it('takes a damaged entry for none', async () => {
    using scratch = scratchDirectory();
    const cache = createContextHashCache(scratch.path);
    const { contextHash } = await openBuildContext(memoryTree(FILES), DEFINITION, { cache });
    for (const name of readdirSync(scratch.path))
      writeFileSync(join(scratch.path, name), contextHash.slice(0, 9));

    expect((await openBuildContext(memoryTree(FILES), DEFINITION, { cache })).contextHash).toBe(contextHash);
  });

  it('forgets what was used longest ago', async () => {
    using scratch = scratchDirectory();
    const cache = createContextHashCache(scratch.path, { kept: 3 });
    const keep = (text: string): Promise<void> => cache.keep(new Map(), text, 'a'.repeat(64));
    for (const text of ['1', '2', '3']) await keep(text);
    for (const name of readdirSync(scratch.path)) utimesSync(join(scratch.path, name), 1, 1);
    await cache.find(new Map(), '2');

    await keep('4');

    expect(await cache.find(new Map(), '2')).toBeDefined();
    expect(await cache.find(new Map(), '4')).toBeDefined();
    expect(readdirSync(scratch.path)).toHaveLength(2);
  });

  it('stands in the way of nothing when its directory cannot be made', async () => {
    const cache = createContextHashCache('/dev/null/no');

    expect((await openBuildContext(memoryTree(FILES), DEFINITION, { cache })).contextHash).toMatch(
      /^[0-9a-f]{64}$/,
    );
  });
});
