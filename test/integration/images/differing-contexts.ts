import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { contextWith } from './context-case.ts';
import type { ContextCase } from './context-case.ts';

export interface DifferingContext extends ContextCase {
  readonly taskgraph: 'hashes' | 'refuses';
  /** Words of what we say, or that we give a hash: another one where taskgraph gives one too. */
  readonly slipway: 'hashes' | { readonly says: string };
  readonly because: string;
}

const FROM = 'FROM scratch\n';
const NOT_THE_TREE = 'what lies outside differs from machine to machine, and is in no revision';
const NOT_IN_GIT = 'we hash the pushed revision as git keeps it, taskgraph what lies on the disk';
const COULD_NOT_BUILD = 'no engine could build it, so it is said when it is planned';
const HOSTILE = 'texts are anybody’s: work and memory have bounds';
const MEANT_OTHERWISE = 'it cannot be meant';

/** Where we knowingly do not do as taskgraph does, all of it (docs/adr/0001-hash-recipe.md). */
export const DIFFERING_CONTEXTS: readonly DifferingContext[] = [
  // What we refuse and taskgraph takes.
  {
    name: 'an include of nothing, which is everything',
    files: contextWith(['FROM scratch', '# %include']),
    taskgraph: 'hashes',
    slipway: { says: '"# %include" names no path' },
    because: MEANT_OTHERWISE,
  },
  {
    name: 'an include of what lies beside the tree, under a name that begins with the name of the checkout',
    files: contextWith(['FROM scratch', '# %include ../first.beside']),
    checkout: 'first',
    onDisk: (directory: string): void => writeFileSync(join(directory, '..', 'first.beside'), 'x'),
    taskgraph: 'hashes',
    slipway: { says: 'included path "../first.beside" is outside the tree' },
    because: NOT_THE_TREE,
  },
  {
    name: 'an include out of the tree and, by the name of the checkout, in again',
    files: contextWith(['FROM scratch', '# %include ../second/lib/x'], { 'lib/x': '1' }),
    checkout: 'second',
    taskgraph: 'hashes',
    slipway: { says: 'included path "../second/lib/x" is outside the tree' },
    because: NOT_THE_TREE,
  },
  {
    name: 'a link to a file outside',
    files: contextWith(FROM, { 'ctx/l': { link: '/etc/passwd' } }),
    taskgraph: 'hashes',
    slipway: { says: '"ctx/l" is a symbolic link out of the tree' },
    because: NOT_THE_TREE,
  },
  {
    name: 'a link to a directory outside, which is left out',
    files: contextWith(FROM, { 'ctx/l': { link: '/etc' } }),
    taskgraph: 'hashes',
    slipway: { says: '"ctx/l" is a symbolic link out of the tree' },
    because: NOT_THE_TREE,
  },
  {
    name: 'a context outside',
    files: contextWith(FROM),
    context: '../beside',
    onDisk: (directory: string): void => {
      mkdirSync(join(directory, '..', 'beside'));
      writeFileSync(join(directory, '..', 'beside', 'Dockerfile'), FROM);
    },
    taskgraph: 'hashes',
    slipway: { says: 'context "../beside" is outside the tree' },
    because: NOT_THE_TREE,
  },
  {
    name: 'run-task',
    files: contextWith(['FROM scratch', '# %include-run-task']),
    taskgraph: 'hashes',
    slipway: { says: '"# %include-run-task" is not supported' },
    because: 'the program is taskgraph’s, not the tree’s (docs/from-taskcluster.md)',
  },
  {
    name: 'an include of an empty directory',
    files: contextWith(['FROM scratch', '# %include empty'], { empty: 'directory:' }),
    taskgraph: 'hashes',
    slipway: { says: 'included path "empty" does not exist in the tree' },
    because: NOT_IN_GIT,
  },
  {
    name: 'a name of an argument with characters of regular expressions',
    files: contextWith(['FROM scratch', '# %ARG A+', 'RUN $A+']),
    args: { 'A+': 'v' },
    taskgraph: 'hashes',
    slipway: { says: '"A+" cannot be the name of an argument' },
    because: 'it would replace $AAA; and no build argument has such a name',
  },
  {
    name: 'a value whose backslash stands for nothing, on the last line',
    files: contextWith(['FROM scratch', '# %ARG A']),
    args: { A: '\\q' },
    taskgraph: 'hashes',
    slipway: { says: 'has a backslash that stands for nothing' },
    because: 'the next line that somebody writes would be refused by taskgraph too',
  },
  {
    name: 'FROM with a variable that has no value',
    files: contextWith('FROM $OS\n'),
    taskgraph: 'hashes',
    slipway: { says: 'FROM names $OS, which has no value' },
    because: COULD_NOT_BUILD,
  },
  {
    name: '--from with a variable',
    files: contextWith(['FROM scratch', 'COPY --from=$X a b']),
    taskgraph: 'hashes',
    slipway: { says: '"--from" and "from=" take no variables' },
    because: COULD_NOT_BUILD,
  },
  {
    name: 'a Dockerfile without FROM',
    files: contextWith('RUN x\n'),
    isDescribed: true,
    taskgraph: 'hashes',
    slipway: { says: 'RUN before the first FROM' },
    because: COULD_NOT_BUILD,
  },
  {
    name: 'a word that is no instruction',
    files: contextWith(['FROM scratch', 'COPPY a b']),
    isDescribed: true,
    taskgraph: 'hashes',
    slipway: { says: 'unknown instruction "COPPY"' },
    because: COULD_NOT_BUILD,
  },
  {
    name: 'COPY of what is not in the context',
    files: contextWith(['FROM scratch', 'COPY a /']),
    isDescribed: true,
    taskgraph: 'hashes',
    slipway: { says: 'COPY source "a" is not in the build context' },
    because: COULD_NOT_BUILD,
  },
  {
    name: 'a Dockerfile of more than 1 MiB',
    files: contextWith(`FROM scratch\n#${'x'.repeat(1024 * 1024)}\n`),
    taskgraph: 'hashes',
    slipway: { says: 'at most 1048576 are read' },
    because: HOSTILE,
  },
  {
    name: 'arguments that make more than 1 MiB of it',
    files: contextWith(['FROM scratch', '# %ARG A', ...Array<string>(5).fill('RUN $A')]),
    args: { A: 'x'.repeat(300_000) },
    taskgraph: 'hashes',
    slipway: { says: 'arguments expand to more than 1048576 characters' },
    because: HOSTILE,
  },
  {
    name: 'a value of more than 1 MiB',
    files: contextWith(['FROM scratch', '# %ARG A']),
    args: { A: 'x'.repeat(1024 * 1024 + 1) },
    taskgraph: 'hashes',
    slipway: { says: 'the value of argument "A" has 1048577 characters' },
    because: HOSTILE,
  },
  {
    name: 'more than 1000 arguments',
    files: contextWith(['FROM scratch', ...Array<string>(1001).fill('# %ARG A')]),
    args: { A: 'x' },
    taskgraph: 'hashes',
    slipway: { says: 'there are more than 1000 lines "# %ARG"' },
    because: HOSTILE,
  },

  // What taskgraph refuses and we take.
  {
    name: 'a file that somebody gave more rights than git knows',
    files: contextWith(FROM, { 'ctx/a': { executable: '1' } }),
    onDisk: (directory: string): void => chmodSync(join(directory, 'ctx/a'), 0o4755),
    taskgraph: 'refuses',
    slipway: 'hashes',
    because: NOT_IN_GIT,
  },
  {
    name: 'a context that is written by way of a directory that is not there',
    files: contextWith(FROM),
    context: 'no/../ctx',
    taskgraph: 'refuses',
    slipway: 'hashes',
    because: 'of a path its dots are taken away first, as taskgraph does with includes',
  },

  // What has another hash.
  {
    name: 'a file that is not committed',
    files: contextWith(FROM),
    onDisk: (directory: string): void => writeFileSync(join(directory, 'ctx/new'), '1'),
    taskgraph: 'hashes',
    slipway: 'hashes',
    because: NOT_IN_GIT,
  },
  {
    name: 'a change that is not committed',
    files: contextWith(FROM, { 'ctx/a': '1' }),
    onDisk: (directory: string): void => writeFileSync(join(directory, 'ctx/a'), '2'),
    taskgraph: 'hashes',
    slipway: 'hashes',
    because: NOT_IN_GIT,
  },
  {
    name: 'modes under another umask than 022',
    files: contextWith(FROM, { 'ctx/a': '1' }),
    onDisk: (directory: string): void => chmodSync(join(directory, 'ctx/a'), 0o664),
    taskgraph: 'hashes',
    slipway: 'hashes',
    because: 'a hash that depends on who checked out is none of the tree',
  },
  {
    name: 'ends of lines that git makes at a checkout',
    files: contextWith(FROM, { 'ctx/.gitattributes': 'a text eol=crlf\n', 'ctx/a': '1\n' }),
    onDisk: (directory: string): void => {
      rmSync(join(directory, 'ctx/a'));
      execFileSync('git', ['-C', directory, 'checkout-index', '--', 'ctx/a']);
    },
    taskgraph: 'hashes',
    slipway: 'hashes',
    because: NOT_IN_GIT,
  },
  {
    name: 'the whole checkout, with its .git',
    files: contextWith(['FROM scratch', '# %include .']),
    onDisk: (directory: string): void => {
      mkdirSync(join(directory, '.git'));
      writeFileSync(join(directory, '.git/HEAD'), 'ref: refs/heads/main\n');
    },
    taskgraph: 'hashes',
    slipway: 'hashes',
    because: NOT_IN_GIT,
  },
  {
    name: 'a context that is written with a slash at its end, where taskgraph cuts a letter off each name',
    files: contextWith(FROM, { 'ctx/ab': '1' }),
    context: 'ctx/',
    taskgraph: 'hashes',
    slipway: 'hashes',
    because: MEANT_OTHERWISE,
  },
];
