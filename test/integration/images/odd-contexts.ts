import type { ContextCase } from './context-case.ts';
import { contextWith } from './context-case.ts';

const FROM = 'FROM scratch\n';
const LONG = 'l'.repeat(255);
/** In pieces that no two places of the file have in common. */
const LARGE = Buffer.from(
  Array.from({ length: 9 * 1024 * 1024 + 7 }, (_, at) => (at * 7 + (at >> 8)) & 0xff),
);
/** As many links as Linux follows. */
const CHAIN = Object.fromEntries(
  Array.from({ length: 40 }, (_, at) => [
    `links/l${at}`,
    at === 0 ? { link: '../ctx/Dockerfile' } : { link: `l${at - 1}` },
  ]),
);

/** What a tree may be like and hardly is, one kind each: taskgraph and we give the same hash for it. */
export const ODD_CONTEXTS: readonly ContextCase[] = [
  {
    name: 'names in other alphabets, composed and not',
    files: contextWith(FROM, {
      'ctx/é': '1',
      'ctx/e\u0301': '2',
      'ctx/フ/😀': '3',
      'ctx/ﬀ': '4',
      'ctx/\u{10ffff}': '5',
    }),
  },
  {
    name: 'names with blanks, quotes, backslashes, newlines and wildcards',
    files: contextWith(FROM, {
      'ctx/ lead': '1',
      'ctx/trail ': '2',
      'ctx/new\nline': '3',
      'ctx/back\\slash': '4',
      'ctx/q"\'`': '5',
      'ctx/*?[x]': '6',
      'ctx/-rf': '7',
      'ctx/tab\there': '8',
      'ctx/\u007f\u0001': '9',
      'ctx/$A': '10',
      'ctx/~': '11',
    }),
  },
  {
    name: 'names that are not UTF-8, whole or cut, and a link to one',
    files: contextWith(FROM, {
      'ctx/\udcff': '1',
      'ctx/\udce2\udc82': '2',
      'ctx/é\udcc3/\udc80': '3',
      'ctx/\udced\udca0\udc80': '4',
      'ctx/\uffff': '5',
      'ctx/link': { link: 'é\udcc3/\udc80' },
    }),
  },
  {
    name: 'names of 99, 100, 101, 255 and 256 bytes, and one of many segments',
    files: contextWith(FROM, {
      [`ctx/${'a'.repeat(99)}`]: '1',
      [`ctx/${'b'.repeat(100)}`]: '2',
      [`ctx/${'c'.repeat(101)}`]: '3',
      [`ctx/${LONG}`]: '4',
      [`ctx/d/${'d'.repeat(254)}`]: '5',
      [`ctx/${'é'.repeat(50)}`]: '6',
      [`ctx/${'é'.repeat(51)}`]: '7',
      [`ctx/e/${Array(12).fill(LONG).join('/')}`]: '8',
    }),
  },
  {
    name: 'executable files, a link to one, and one below an include',
    files: contextWith(['FROM scratch', '# %include bin'], {
      'ctx/run': { executable: '#!/bin/sh\n' },
      'ctx/empty': { executable: '' },
      'ctx/l': { link: 'run' },
      'bin/tool': { executable: 'x' },
      'bin/data': 'x',
    }),
  },
  {
    name: 'links to files, by way of links, dots and directories',
    files: contextWith(FROM, {
      'ctx/d/f': '1',
      'ctx/one': { link: 'd/f' },
      'ctx/two': { link: './/d/../one' },
      'ctx/e': { link: '../lib' },
      'ctx/three': { link: 'e/x' },
      'ctx/four': { link: 'e/../lib/./x' },
      'lib/x': { executable: '2' },
    }),
  },
  {
    name: 'links to directories, in and beside the context',
    files: contextWith(FROM, {
      'ctx/d/f': '1',
      'ctx/in': { link: 'd' },
      'ctx/slash': { link: 'd/' },
      'ctx/dot': { link: '.' },
      'ctx/up': { link: '..' },
      'ctx/out': { link: '../lib/.' },
      'lib/x': '2',
    }),
  },
  {
    name: 'as many links in a row as Linux follows',
    files: contextWith(FROM, { ...CHAIN, 'ctx/l': { link: '../links/l38' } }),
  },
  {
    name: 'a context that is a link',
    files: { ...contextWith(FROM, { 'ctx/a': '1' }), c: { link: 'ctx' } },
    context: 'c',
  },
  {
    name: 'empty directories, in the context and where includes are',
    files: contextWith(['FROM scratch', '# %include lib'], {
      'ctx/empty': 'directory:',
      'ctx/a/b/c': 'directory:',
      'lib/x': '1',
      'lib/empty': 'directory:',
    }),
  },
  {
    name: 'a submodule, in the context and included',
    files: contextWith(['FROM scratch', '# %include sub', '# %include lib'], {
      'ctx/sub': 'submodule:',
      'ctx/l': { link: 'sub' },
      'lib/sub': 'submodule:',
      'lib/x': '1',
      sub: 'submodule:',
    }),
  },
  {
    name: 'empty files, and nothing but them',
    files: contextWith('', { 'ctx/a': '', 'ctx/b/c': { executable: '' } }),
  },
  {
    name: 'files around the size of a block and of a record of a tar',
    files: contextWith(
      FROM,
      Object.fromEntries(
        [1, 511, 512, 513, 8192, 9216, 10_239, 10_240, 10_241, 20_481].map((size) => [
          `ctx/${size}`,
          'x'.repeat(size),
        ]),
      ),
    ),
  },
  {
    name: 'large files',
    files: contextWith(FROM, { 'ctx/large': LARGE, 'ctx/also': { executable: LARGE.subarray(1) } }),
  },
  {
    name: 'includes of directories, in each other, over each other, twice and in other spellings',
    files: contextWith(
      [
        'FROM scratch',
        '# %include lib',
        '# %include lib/deep',
        '# %include lib/deep/f',
        '# %include lib//deep/',
        '# %include ./lib',
        '# %include lib/../lib/x',
        '# %include lib/x/',
        '# %include lib',
      ],
      {
        'lib/x': '1',
        'lib/deep/f': { executable: '2' },
        'lib/deep/g': '3',
        'lib/l': { link: 'deep/g' },
        'lib/d': { link: 'deep' },
      },
    ),
  },
  {
    name: 'an include of the whole tree, and of the context over what lies there',
    files: contextWith(['FROM scratch', '# %include .', '# %include ctx', '# %include ctx/Dockerfile'], {
      'ctx/topsrcdir/ctx/a': '1',
      'ctx/a': '2',
      b: '3',
    }),
  },
  {
    name: 'a link to nothing, where an include puts a file',
    files: contextWith(['FROM scratch', '# %include lib'], {
      'ctx/topsrcdir/lib/x': { link: 'nothing' },
      'lib/x': '1',
    }),
  },
  {
    name: 'includes by way of links, and of names with blanks and in other alphabets',
    files: contextWith(
      ['FROM scratch', '# %include l/deep', '# %include l', '# %include  a b/é ', '# %include to-file'],
      {
        l: { link: 'lib' },
        'lib/deep/f': '1',
        'a b/é': '2',
        'to-file': { link: 'lib/deep/f' },
      },
    ),
  },
  {
    name: 'Python bytecode, in the context and included',
    files: contextWith(['FROM scratch', '# %include lib', '# %include lib/__pycache__'], {
      'ctx/__pycache__/a': '1',
      'ctx/b/__pycache__/c/d': '2',
      'ctx/c/__pycache__': '3',
      'ctx/d.pyc': '4',
      'lib/__pycache__/a': '5',
      'lib/x': '6',
    }),
  },
  {
    name: '$NAME beside $NAMED, ${NAME}, $NAME-D, $NAMEÉ and $$NAME',
    files: contextWith([
      'FROM scratch',
      'RUN $NAME',
      '# %ARG NAME',
      'RUN $NAME $NAMED ${NAME} $NAME-D $NAMEÉ $NAME. $$NAME \\$NAME $NAME',
    ]),
    args: { NAME: 'v' },
  },
  {
    name: 'values with characters that mean something to regular expressions',
    files: contextWith(['FROM scratch', '# %ARG A', '# %ARG B', '# %ARG C', 'RUN $A $B $C']),
    args: {
      A: '$& $1 $` .* (?:x) [a-z] ^$ {2} + ?',
      B: 'c:\\\\d\\.x \\n\\t\\101\\0\\07\\377 \\$ \\é \\😀',
      C: '\\g<0> \\\\g<0> \\g<000>',
    },
  },
  {
    name: 'values that name each other, themselves and an include',
    files: contextWith(
      [
        'FROM scratch',
        '# %ARG A',
        '# %ARG B',
        '# %ARG I',
        'RUN $A $B',
        '# %ARG A',
        'RUN $A',
        '# %include $I',
        '$J',
        '# %ARG J',
        '$J',
      ],
      { 'lib/x': '1', 'lib/y': '2' },
    ),
    args: { A: '$A $B', B: 'b$A', I: 'lib/x', J: '# %include lib/y' },
  },
  {
    name: 'names of arguments with dots, dashes and in other alphabets',
    files: contextWith([
      'FROM scratch',
      '# %ARG A.B',
      '# %ARG C-D',
      '# %ARG É1',
      '# %ARG 9.',
      'RUN $A.B $AxB $A😀B $C-D $C-DE $É1 $É $9. $9.x',
    ]),
    args: { 'A.B': 'v', 'C-D': 'w', É1: 'x', '9.': 'y' },
  },
  {
    name: 'special comments with other blanks around, or another character after the word',
    files: contextWith(
      [
        'FROM scratch',
        '# %ARG\tA\u2003',
        '# %ARG😀B',
        '# %ARGSC',
        'RUN $A $B $C',
        '# %include\u00a0lib/x\u3000',
        '# %includes lib/y',
        '# %include😀lib/z',
      ],
      {
        'lib/x': '1',
        'lib/y': '2',
        'lib/z': '3',
      },
    ),
    args: { A: '1', B: '2', C: '3' },
  },
  {
    name: 'CRLF, lone CR, form feeds, and no end of the last line',
    files: contextWith(
      'FROM scratch\r\n# %ARG A\r\nRUN $A\r# %include lib\r\n\fRUN \u2028x\u0085y\r\r\nRUN $A',
      { 'ctx/crlf': 'a\r\nb\r', 'lib/x': 'c\r\n' },
    ),
    args: { A: '1\r\n2' },
  },
  {
    name: 'the parent, by both of its ways',
    files: contextWith([
      'ARG DOCKER_IMAGE_PARENT',
      '# %ARG DOCKER_IMAGE_PARENT',
      'FROM $DOCKER_IMAGE_PARENT',
    ]),
    hasParent: true,
  },
  {
    name: 'comments with a % that is no word of taskgraph',
    files: contextWith([
      'FROM scratch',
      '# %arg A',
      '#%include no',
      '# %volume /x',
      ' # %include no',
      '# %%ARG A',
      '# %unknown',
    ]),
  },
];
