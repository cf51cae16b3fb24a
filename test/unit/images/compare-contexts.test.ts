import { describe, expect, it } from '@jest/globals';
import { openBuildContext } from '../../../images/build-context.ts';
import { compareContexts } from '../../../images/compare-contexts.ts';
import type { FileChange } from '../../../model/schema/explanation.ts';
import type { MemoryFile } from '../../helpers/memory-tree.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';

const BEFORE: Record<string, MemoryFile> = {
  'docker/lint/Dockerfile': '# %include scripts/setup.sh\nFROM debian:12\n',
  'docker/lint/rules.txt': 'one\n',
  'docker/lint/old.txt': 'old\n',
  'docker/lint/run.sh': 'run\n',
  'docker/lint/current': { link: '../../versions/1' },
  'scripts/setup.sh': 'setup\n',
  'versions/1': 'first\n',
  'versions/2': 'second\n',
  'elsewhere.txt': 'x\n',
};

async function changesTo(after: Record<string, MemoryFile | undefined>): Promise<readonly FileChange[]> {
  const files = Object.entries({ ...BEFORE, ...after }).filter(([, file]) => file !== undefined);
  const definition = { imageName: 'lint', context: 'docker/lint', args: {}, hasParent: false };
  const [old, fresh] = await Promise.all(
    [BEFORE, Object.fromEntries(files) as Record<string, MemoryFile>].map((tree) =>
      openBuildContext(memoryTree(tree), definition),
    ),
  );
  return compareContexts(await old!.files(), await fresh!.files());
}

const said = (changes: readonly FileChange[]): string[] =>
  changes.map(({ what, path, inContext }) => `${what} ${path}${inContext ? '' : ' (included)'}`);

describe('compareContexts', () => {
  it.each<[string, Record<string, MemoryFile | undefined>, string[]]>([
    ['nothing outside of it', { 'elsewhere.txt': 'y\n' }, []],
    ['a file with other bytes', { 'docker/lint/rules.txt': 'two\n' }, ['changed docker/lint/rules.txt']],
    [
      'the Dockerfile',
      { 'docker/lint/Dockerfile': `${BEFORE['docker/lint/Dockerfile'] as string}RUN true\n` },
      ['changed docker/lint/Dockerfile'],
    ],
    ['a new file', { 'docker/lint/sub/new.txt': '' }, ['added docker/lint/sub/new.txt']],
    ['a file that is gone', { 'docker/lint/old.txt': undefined }, ['removed docker/lint/old.txt']],
    ['a mode', { 'docker/lint/run.sh': { executable: 'run\n' } }, ['mode docker/lint/run.sh']],
    [
      'a link that leads elsewhere',
      { 'docker/lint/current': { link: '../../versions/2' } },
      ['link docker/lint/current'],
    ],
    ['what a link leads to', { 'versions/1': 'other\n' }, ['changed docker/lint/current']],
    ['a file in place of a link', { 'docker/lint/current': 'own\n' }, ['link docker/lint/current']],
    ['an included file', { 'scripts/setup.sh': 'more\n' }, ['changed scripts/setup.sh (included)']],
    [
      'an include that is another',
      { 'docker/lint/Dockerfile': '# %include versions/2\nFROM debian:12\n' },
      [
        'changed docker/lint/Dockerfile',
        'removed scripts/setup.sh (included)',
        'added versions/2 (included)',
      ],
    ],
    [
      'not the mode of the Dockerfile, which is never in it',
      { 'docker/lint/Dockerfile': { executable: BEFORE['docker/lint/Dockerfile'] as string } },
      [],
    ],
  ])('names %s', async (_, after, expected) => expect(said(await changesTo(after))).toEqual(expected));

  it('knows the contents on both sides, and their sizes', async () => {
    const [change] = await changesTo({ 'docker/lint/rules.txt': { executable: 'longer\n' } });

    expect(change).toMatchObject({
      what: 'changed',
      inContext: 'rules.txt',
      before: { sizeBytes: 4, path: 'docker/lint/rules.txt' },
      after: { sizeBytes: 7, executable: true },
    });
    expect(change?.before?.objectId).not.toBe(change?.after?.objectId);
  });
});
