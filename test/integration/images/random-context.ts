import { posix } from 'node:path';
import type { Random } from '../../chaos/random.ts';
import type { RepositoryFile } from '../../helpers/git-repository.ts';
import type { ContextCase } from './context-case.ts';

const ROOTS = ['ctx', 'ctx', 'ctx', 'lib', 'lib', 'other'];
const SEGMENTS = [
  ...['a', 'b', 'c', 'Z', '0', '-x', '.hidden', '~', 'a.b', 'a-b', 'with blank', ' lead', 'trail '],
  ...['é', 'e\u0301', 'ﬀ', '😀', 'フ', '\uffff', 'İ', '\u200b'],
  ...['tab\t', 'new\nline', 'back\\slash', 'q"\'', '*?[x]', '$A', '#', '%ARG', '\u0001'],
  ...['\udcff', 'é\udc80', '\udced\udca0\udc80', '\udce2\udc82'],
  ...['__pycache__', 'Dockerfile', 'topsrcdir', 'x'.repeat(90), 'y'.repeat(200), 'é'.repeat(60)],
];
const SIZES = [0, 0, 1, 7, 511, 512, 513, 1024, 9728, 10_240, 10_241, 70_001];
const NAMES = ['A', 'AB', 'A.B', 'A-B', 'É', 'N_1'];
const VALUES = [
  ...['v', '', '$A', '$AB $A', '$& $1', '(?:x)*[a-z]^$|', 'c:\\\\d', '\\n\\t', '\\101', '\\g<0>', '\\.\\$'],
  ...['é😀', 'a b', 'lib', '../lib', '# %include lib', '\r\n', '1\\n# %include other'],
];
const WRONG_VALUES = ['\\q', '\\1', 'x\\', '\\g<1>', 'x\udc00'];
const ENDS = ['\n', '\n', '\n', '\r\n', '\r', '\n\n', ' \n', '\t\r\n'];
/** What a Dockerfile and a tree may have that nobody can hash. */
const FAULTS = ['include', 'argument', 'value', 'link', 'loop', 'file link', 'outside', 'name'] as const;

/** A tree of all that a tree may hold, with a fault that taskgraph refuses in some of them. */
export function randomContext(random: Random, name: string): ContextCase {
  const fault = random.between(1, 4) === 1 ? random.pick(FAULTS) : undefined;
  const files: Record<string, RepositoryFile> = { 'ctx/Dockerfile': '' };
  for (let left = random.between(0, 12); left > 0; left -= 1) {
    const path = freePath(random, files);
    if (path !== undefined) files[path] = randomFile(random, path, files);
  }
  if (fault === 'link') files['ctx/fault'] = { link: random.pick(['nothing', '../lib/nothing/x']) };
  if (fault === 'loop') files['ctx/fault'] = { link: './fault' };
  if (fault === 'file link') files['ctx/fault'] = { link: random.pick(['Dockerfile/', 'Dockerfile/.']) };
  const { lines, args } = randomDockerfile(random, files, fault);
  files['ctx/Dockerfile'] = random.between(1, 9) === 1 ? { executable: lines } : lines;
  return { name, files, args };
}

/** A path that is no directory of another, and has none of them for a directory. */
function freePath(random: Random, files: Readonly<Record<string, RepositoryFile>>): string | undefined {
  const depth = random.weighted({ 1: 5, 2: 4, 3: 2, 5: 1, 12: 1 });
  const segments = Array.from({ length: Number(depth) }, () => random.pick(SEGMENTS));
  const path = [random.pick(ROOTS), ...segments].join('/');
  const isTaken = Object.keys(files).some(
    (other) => other === path || other.startsWith(`${path}/`) || path.startsWith(`${other}/`),
  );
  return isTaken ? undefined : path;
}

function randomFile(
  random: Random,
  path: string,
  files: Readonly<Record<string, RepositoryFile>>,
): RepositoryFile {
  const content = Buffer.alloc(random.pick(SIZES), random.between(0, 255));
  switch (random.weighted({ file: 10, executable: 3, link: 4, directory: 1, submodule: 1 })) {
    case 'file':
      return content;
    case 'executable':
      return { executable: content };
    case 'directory':
      return 'directory:';
    case 'submodule':
      return isPlain(path) ? 'submodule:' : content;
    case 'link': {
      const target = posix.relative(posix.dirname(path), random.pick(placesIn(files)));
      const isFile = !placesIn(files, false).includes(posix.join(posix.dirname(path), target));
      const spelled = random.pick([target, `./${target}`, `.//${target}`, ...(isFile ? [] : [`${target}/`])]);
      return { link: target === '' ? '.' : spelled };
    }
  }
}

/** What git holds of a tree: files, and the directories that they are in. */
function placesIn(files: Readonly<Record<string, RepositoryFile>>, withFiles = true): string[] {
  const held = Object.keys(files).filter((path) => files[path] !== 'directory:');
  const places = new Set(withFiles ? held : []);
  for (const path of held)
    for (let above = posix.dirname(path); above !== '.'; above = posix.dirname(above)) places.add(above);
  return [...places];
}

function randomDockerfile(
  random: Random,
  files: Readonly<Record<string, RepositoryFile>>,
  fault: (typeof FAULTS)[number] | undefined,
): { readonly lines: string; readonly args: Readonly<Record<string, string>> } {
  const args: Record<string, string> = {};
  for (const name of NAMES) if (random.between(0, 1) === 1) args[name] = random.pick(VALUES);
  const wanted = [
    'FROM scratch',
    ...Array.from({ length: random.between(0, 6) }, () => line(random, files, args)),
  ];
  if (fault === 'include') wanted.push('# %include lib/nothing/here');
  if (fault === 'outside')
    wanted.push(random.pick(['# %include /etc', '# %include ../x', '# %include lib/../../x']));
  if (fault === 'argument') wanted.push('# %ARG UNKNOWN');
  if (fault === 'name') wanted.push('# %ARG');
  if (fault === 'value') {
    args['WRONG'] = random.pick(WRONG_VALUES);
    wanted.push('# %ARG WRONG', 'RUN $WRONG');
  }
  // The last line is one of the Dockerfile: only then taskgraph looks at the values of all arguments.
  const lines = [...wanted, 'RUN $A $AB ${A} $A.B $AxB $A-B $É $ÉÉ $N_1 $N_12 $$A'];
  const mark = random.between(1, 9) === 1 ? '\ufeff' : '';
  return { lines: mark + lines.map((text) => text + random.pick(ENDS)).join(''), args };
}

function line(
  random: Random,
  files: Readonly<Record<string, RepositoryFile>>,
  args: Readonly<Record<string, string>>,
): string {
  const names = Object.keys(args);
  switch (random.weighted({ include: 4, arg: names.length, comment: 1, run: 2 })) {
    case 'include':
      return `# %include ${spelling(random, random.pick(placesIn(files).filter(isPlain)))}`;
    case 'arg':
      return `# %ARG ${random.pick(names)}`;
    case 'comment':
      return random.pick(['#%include no', '# % include no', '# %arg A', ' # %ARG A', '# %unknown', '# $A']);
    case 'run':
      return random.pick(['RUN $A', '$A', 'RUN ${A}$AB\u2028$A', 'COPY $A.B /', 'ENV X=$É']);
  }
}

/** Can be named in a Dockerfile, to its last blank. */
function isPlain(path: string): boolean {
  return /^[^\s\u0001](?:[^\n\r]*\S)?$/u.test(path) && path.isWellFormed() && !path.includes('$');
}

function spelling(random: Random, path: string): string {
  return random.pick([
    ...[path, path, path, ` ${path} `, `./${path}`, `${path}/`, path.replace('/', '//'), `lib/../${path}`],
    `${path}/../${posix.basename(path)}`,
  ]);
}
