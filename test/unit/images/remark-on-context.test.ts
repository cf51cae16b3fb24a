import { expect, it } from '@jest/globals';
import { join } from 'node:path';
import { createContextHashCache } from '../../../images/context-hash-cache.ts';
import { describeImages } from '../../../images/describe-images.ts';
import { formatFinding } from '../../../model/findings.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';
import type { MemoryFile } from '../../helpers/memory-tree.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';

const OPTIONS = { platform: 'linux/amd64', resolveBase: () => Promise.resolve('sha256:aa') };
const HINT = 'commit the directory itself there, or make the link in the image by "RUN ln -s"';

/** What is said of two images with one context. */
async function said(
  files: Record<string, MemoryFile>,
  more: Partial<Parameters<typeof describeImages>[3]> = {},
): Promise<string[]> {
  const tree = memoryTree({ 'd/Dockerfile': 'FROM debian:12\n', ...files });
  const images = { one: { context: 'd' }, two: { context: 'd' } };
  const { findings } = await describeImages(tree, images, ['one', 'two'], { ...OPTIONS, ...more });
  return findings.map(formatFinding);
}

it('A file of what is to be ignored is said to count for nothing', async () => {
  const remark = (name: string): string =>
    `d/${name}:1:1: warning: "${name}" counts for nothing: all files of the context are hashed and sent; keep what the image does not need in another directory`;

  expect(await said({ 'd/.dockerignore': '*\n', 'd/Dockerfile.dockerignore': '*\n' })).toEqual([
    remark('.dockerignore'),
    remark('Dockerfile.dockerignore'),
  ]);
  expect(await said({ '.dockerignore': '*\n', 'd/sub/.dockerignore': '*\n' })).toEqual([]);
});

it('A link to a directory that is left out is said, once and also when nothing has changed since', async () => {
  using directory = scratchDirectory();
  const cache = createContextHashCache(join(directory.path, 'hashes'));
  const files = { 'd/lib': { link: '../lib' }, 'd/file': { link: '../lib/x' }, 'lib/x': '' };
  const remark = `d/lib:1:1: warning: "d/lib" is a symbolic link to a directory, which a build context leaves out; ${HINT}`;

  expect(await said(files, { cache })).toEqual([remark]);
  expect(await said(files, { cache })).toEqual([remark]);
});

it('A submodule that is left out is said, also when nothing has changed since, or it is included', async () => {
  using directory = scratchDirectory();
  const cache = createContextHashCache(join(directory.path, 'hashes'));
  const files = { 'd/vendor/lib': 'submodule:', own: 'submodule:' } as const;
  const included = { ...files, 'd/Dockerfile': 'FROM debian:12\n# %include own\n' };
  const remark = (path: string): string =>
    `${path}:1:1: warning: "${path}" is a submodule, which a build context leaves out; commit its files, or clone it in the image`;

  expect(await said(files, { cache })).toEqual([remark('d/vendor/lib')]);
  expect(await said(files, { cache })).toEqual([remark('d/vendor/lib')]);
  expect(await said(included, { cache })).toEqual([remark('d/vendor/lib'), remark('own')]);
  expect(await said(included, { cache })).toEqual([remark('d/vendor/lib'), remark('own')]);
});

it('Of many such links some are said', async () => {
  const links = Array.from({ length: 30 }, (_, at) => [`d/l${at + 10}`, { link: '../lib' }] as const);

  const remarks = await said({ ...Object.fromEntries(links), 'lib/x': '' });

  expect(remarks).toHaveLength(11);
  expect(remarks[9]).toContain('"d/l19" is a symbolic link to a directory');
  expect(remarks[10]).toContain('further symbolic links to directories are left out');
});

it('A mistake that two images have in common is said once', async () => {
  const remarks = await said({ 'd/absolute': { link: '/etc/passwd' }, 'd/dangling': { link: 'nowhere' } });

  expect(remarks).toEqual([
    'd/absolute:1:1: "d/absolute" is a symbolic link out of the tree; commit the file itself instead, or make the link in the image by "RUN ln -s"',
    expect.stringContaining('"d/dangling" is a symbolic link to something that does not exist'),
  ]);
});
