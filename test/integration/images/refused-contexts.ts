import { contextWith } from './context-case.ts';
import type { ContextCase } from './context-case.ts';

export interface RefusedContext extends ContextCase {
  /** What we say, in full: the place, what is wrong, and what to do. */
  readonly says: string;
}

const AT_ROOT = 'write a path from the root of the repository';
const COMMITTED = 'only committed files count';
const LOOKED_FOR = `paths of "# %include" begin at the root of the repository; ${COMMITTED}`;
const MEND = 'mend or remove the link';
const OUT = 'commit the file itself instead, or make the link in the image by "RUN ln -s"';
const FROM = 'FROM scratch\n';

const included = (path: string, files: ContextCase['files'] = {}): ContextCase['files'] =>
  contextWith(['FROM scratch', `# %include ${path}`], files);
const argued = (name: string): ContextCase['files'] =>
  contextWith(['FROM scratch', `# %ARG ${name}`, 'RUN x']);
const stray = (name: string): string =>
  `ctx/Dockerfile:2:8: the value of argument "${name}" has a backslash that stands for nothing; write "\\\\" for a backslash; "\\n" and "\\t" are newline and tab`;

/** Contexts that taskgraph refuses. So do we, and say better why. */
export const REFUSED_CONTEXTS: readonly RefusedContext[] = [
  {
    name: 'an include of what is not there',
    files: included('lib/no', { 'lib/x': '1' }),
    says: `ctx/Dockerfile:2:12: included path "lib/no" does not exist in the tree; ${LOOKED_FOR}`,
  },
  {
    name: 'an include below a file',
    files: included('lib/x/y', { 'lib/x': '1' }),
    says: `ctx/Dockerfile:2:12: included path "lib/x/y" does not exist in the tree; ${LOOKED_FOR}`,
  },
  {
    name: 'an absolute include',
    files: included('/etc/passwd'),
    says: `ctx/Dockerfile:2:12: included path "/etc/passwd" is absolute; ${AT_ROOT}`,
  },
  {
    name: 'an include above the tree',
    files: included('../x'),
    says: `ctx/Dockerfile:2:12: included path "../x" is outside the tree; ${AT_ROOT}`,
  },
  {
    name: 'an include that climbs out on its way',
    files: included('lib/../../x', { 'lib/x': '1' }),
    says: `ctx/Dockerfile:2:12: included path "lib/../../x" is outside the tree; ${AT_ROOT}`,
  },
  {
    name: 'an include that an argument makes',
    files: contextWith(['FROM scratch', '# %ARG A', '# %include $A/x']),
    args: { A: 'nowhere' },
    says: `ctx/Dockerfile:3:12: included path "nowhere/x" does not exist in the tree; ${LOOKED_FOR}`,
  },
  {
    name: 'an include that is a link to nothing',
    files: included('l', { l: { link: 'no' } }),
    says: `ctx/Dockerfile:2:12: included path "l" does not exist in the tree; ${LOOKED_FOR}`,
  },
  {
    name: 'an include that is a link round in a loop',
    files: included('l', { l: { link: 'm' }, m: { link: 'l' } }),
    says: `ctx/Dockerfile:2:12: "l" is a symbolic link that leads round in a loop; ${MEND}`,
  },
  {
    name: 'an included directory with a link to nothing',
    files: included('lib', { 'lib/l': { link: 'no' } }),
    says: `ctx/Dockerfile:2:12: "lib/l" is a symbolic link to something that does not exist in the tree; ${MEND}`,
  },
  {
    name: 'an included link to nothing, where the context has a file',
    files: included('lib', { 'lib/l': { link: 'no' }, 'ctx/topsrcdir/lib/l': '1' }),
    says: `ctx/Dockerfile:2:12: "lib/l" is a symbolic link to something that does not exist in the tree; ${MEND}`,
  },
  {
    name: 'an argument that has no value',
    files: argued('A'),
    args: { B: 'v' },
    says: 'ctx/Dockerfile:2:8: argument "A" has no value; add A to "args" of the image in slipway.yml',
  },
  {
    name: 'an argument where there are none at all',
    files: argued('constructor'),
    says: 'ctx/Dockerfile:2:8: argument "constructor" has no value; add constructor to "args" of the image in slipway.yml',
  },
  {
    name: 'an argument without a name',
    files: argued(''),
    args: { A: 'v' },
    says: 'ctx/Dockerfile:2:1: "# %ARG" names no argument; write "# %ARG NAME"',
  },
  {
    name: 'the parent of an image that has none',
    files: argued('DOCKER_IMAGE_PARENT'),
    says: 'ctx/Dockerfile:2:8: argument "DOCKER_IMAGE_PARENT" has no value; give the image a "parent" in slipway.yml',
  },
  {
    name: 'a name of an argument that is no regular expression',
    files: argued('A('),
    args: { 'A(': 'v' },
    says: 'ctx/Dockerfile:2:8: "A(" cannot be the name of an argument; use letters, digits, "_", "." and "-"',
  },
  ...['\\q', '\\1', '\\8', '\\400', '\\g<1>', '\\g', 'c:\\dir', '\\'].map((value) => ({
    name: `the value ${value}, whose backslash stands for nothing`,
    files: argued('A'),
    args: { A: value },
    says: stray('A'),
  })),
  {
    name: 'a value with half of a character',
    files: contextWith(['FROM scratch', '# %ARG A', 'RUN $A']),
    args: { A: 'x\ud83d' },
    says: 'ctx/Dockerfile:2:8: the value of argument "A" has half of a character in it; write the character itself, or both of its "\\u" escapes',
  },
  {
    name: 'a Dockerfile that is not UTF-8',
    files: { 'ctx/Dockerfile': Buffer.from('FROM scratch\n# \xff\n', 'latin1') },
    says: 'ctx/Dockerfile:1:1: image "x": the Dockerfile is not UTF-8; save it as UTF-8',
  },
  {
    name: 'a context without a Dockerfile',
    files: { 'ctx/a': '1' },
    says: `slipway.yml:1:1: image "x": context "ctx" has no Dockerfile; add ctx/Dockerfile; ${COMMITTED}`,
  },
  {
    name: 'a context whose Dockerfile is a directory',
    files: { 'ctx/Dockerfile/a': '1' },
    says: 'slipway.yml:1:1: image "x": "ctx/Dockerfile" is not a file of the tree; commit the Dockerfile itself',
  },
  {
    name: 'a context whose Dockerfile is a link to nothing',
    files: { 'ctx/Dockerfile': { link: 'no' } },
    says: `slipway.yml:1:1: image "x": context "ctx" has no Dockerfile; add ctx/Dockerfile; ${COMMITTED}`,
  },
  {
    name: 'a context that is an empty directory',
    files: { ctx: 'directory:' },
    says: `slipway.yml:1:1: image "x": context "ctx" does not exist in the tree; ${COMMITTED}`,
  },
  {
    name: 'a context that is not there',
    files: contextWith(FROM),
    context: 'ctx/no',
    says: `slipway.yml:1:1: image "x": context "ctx/no" does not exist in the tree; ${COMMITTED}`,
  },
  {
    name: 'a context that is a file',
    files: contextWith(FROM),
    context: 'ctx/Dockerfile',
    says: 'slipway.yml:1:1: image "x": context "ctx/Dockerfile" is a file; name the directory that holds the Dockerfile',
  },
  {
    name: 'a link to nothing',
    files: contextWith(FROM, { 'ctx/l': { link: 'no' } }),
    says: `ctx/l:1:1: "ctx/l" is a symbolic link to something that does not exist in the tree; ${MEND}`,
  },
  {
    name: 'a link round in a loop',
    files: contextWith(FROM, { 'ctx/l': { link: 'l' } }),
    says: `ctx/l:1:1: "ctx/l" is a symbolic link that leads round in a loop; ${MEND}`,
  },
  ...['f/', 'f/.', 'f/../f', 'm/'].map((target) => ({
    name: `a link to ${target}, where f is a file and m a link to it`,
    files: contextWith(FROM, { 'ctx/l': { link: target }, 'ctx/f': '1', 'ctx/m': { link: 'f' } }),
    says: `ctx/l:1:1: "ctx/l" is a symbolic link to something that does not exist in the tree; ${MEND}`,
  })),
  {
    name: 'more links in a row than Linux follows',
    files: contextWith(
      FROM,
      Object.fromEntries(
        Array.from({ length: 41 }, (_, at) => [
          at === 40 ? 'ctx/l' : `links/l${at}`,
          at === 0 ? { link: '../ctx/Dockerfile' } : { link: at === 40 ? '../links/l39' : `l${at - 1}` },
        ]),
      ),
    ),
    says: `ctx/l:1:1: "ctx/l" leads through "links/l0", a symbolic link that leads round in a loop; ${MEND}`,
  },
  {
    name: 'a link out of the tree to what is not there',
    files: contextWith(FROM, { 'ctx/l': { link: '../../nothing' } }),
    says: `ctx/l:1:1: "ctx/l" is a symbolic link out of the tree; ${OUT}`,
  },
];
