import { describe, expect, it } from '@jest/globals';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { markedText } from './marked-text.ts';

type Row = readonly [claim: string, marked: string, message: string, hint?: string];

interface Case {
  readonly claim: string;
  /** A text with one mistake, at its mark. */
  readonly marked: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

function cases(rows: readonly Row[]): Case[] {
  return rows.map(([claim, marked, message, hint]) => ({ claim, marked, message, hint }));
}

function expectOneFinding({ marked, message, hint }: Case, severity: 'error' | 'warning'): void {
  const { text, line, column } = markedText(marked);

  const { findings, config } = parseSlipwayYml(text);

  const expected = { severity, file: 'slipway.yml', line, column, message };
  expect(findings).toEqual([hint === undefined ? expect.objectContaining(expected) : { ...expected, hint }]);
  expect(config === undefined).toBe(severity === 'error');
}

const V = 'version: 1\n';
const IMAGES = `${V}images:\n  base: {context: docker/base}\n`;
const DURATION = 'a duration: seconds, or words such as "30 days"';
const ENTRYPOINT =
  'leave it out: an image keeps its ENTRYPOINT; an image of the tree may drop it by "FROM" that one and "ENTRYPOINT []"';
const BUILD = '"image:base" is the build of an image, and no task can depend on that or take from it yet';
const RUN_IN_IT =
  'write "image: {in-tree: base}" to run in it; a task with dind can build it from its checkout';
const COMMAND = 'write "command": a list of arguments, or one text that sh runs';

describe('a text that is no YAML map', () => {
  it.each(
    cases([
      ['is empty', '‸', 'the file is empty', 'write at least "version: 1"'],
      ['has comments only', '‸# nothing\n', 'the file is empty'],
      ['is a list', '‸- a\n', 'the file must be a map', 'begin with "version: 1"'],
      ['is a text', '‸hello', 'the file must be a map'],
      [
        'is indented by tabs',
        'a: 1\n‸\tb: 2\n',
        'not YAML: Tabs are not allowed as indentation',
        'indent with spaces',
      ],
      [
        'begins a value with @',
        'a: ‸@b\n',
        'not YAML: Plain value cannot start with reserved character @',
        'quote the text',
      ],
      ['has two documents', 'version: 1\n‸---\nversion: 1\n', 'not YAML: a second document begins here'],
      [
        'has ": " in a text',
        'a:\n  command: ‸echo foo: bar\n',
        'not YAML: Nested mappings are not allowed in compact mappings',
        'quote the text: ": " in it begins a map',
      ],
      ['has a tag', 'version: ‸!secret 1\n', 'not YAML: Unresolved tag: !secret'],
      [
        'has an alias without its anchor',
        'version: 1\nx-a: ‸*.js\n',
        'there is no anchor "&.js" before this alias',
        'quote the text if no alias is meant: "*.js"',
      ],
      [
        'has an alias of what it stands in',
        'x-a: &a [‸*a]\n',
        'the alias "*a" is inside the value that it stands for',
      ],
      ['merges a list of texts', 'version: 1\nx-a: {‸<<: [b]}\n', '"<<" merges maps only'],
      [
        'has a duplicate key',
        'version: 1\ntasks: {}\n‸tasks: {}\n',
        'duplicate key "tasks"',
        'it stands in line 2 already; keep one of the two',
      ],
      ['has a key that is a list', 'version: 1\nx-a:\n  ‸[b]: 1\n', 'a key must be a text'],
      [
        'has a key that every object has',
        'version: 1\nx-a: {‸__proto__: 1}\n',
        'a key cannot be "__proto__"',
      ],
    ]),
  )('that $claim is found', (one) => expectOneFinding(one, 'error'));

  it('that is missing is found', () => {
    const { findings, config, position } = parseSlipwayYml(undefined, { file: 'ci/slipway.yml' });

    expect(findings).toEqual([
      {
        severity: 'error',
        file: 'ci/slipway.yml',
        line: 1,
        column: 1,
        message: 'ci/slipway.yml is missing',
        hint: 'add ci/slipway.yml at the root of the tree',
      },
    ]);
    expect(config).toBeUndefined();
    expect(position(['version'])).toEqual({ line: 1, column: 1 });
  });

  it('has every syntax error reported, one a line', () => {
    const { findings } = parseSlipwayYml('a: [1\nb: 2\nc: }\n');

    expect(findings.map(({ line, column }) => [line, column])).toEqual([
      [2, 1],
      [3, 4],
    ]);
    expect(findings.every(({ message }) => message.startsWith('not YAML: '))).toBe(true);
  });

  it.each([
    ['flow lists', '['.repeat(5_000)],
    ['block lists', '- '.repeat(5_000)],
  ])('of very deep %s is refused, not followed', (_what, text) => {
    expect(parseSlipwayYml(text).findings.map(({ message }) => message)).toContain(
      'not YAML: nested too deeply',
    );
  });

  it('that aliases blow up is refused before it is written out', () => {
    const levels = Array.from({ length: 30 }, (_, n) => `  - &l${n + 1} [*l${n}, *l${n}, *l${n}]`);

    const { findings } = parseSlipwayYml(`version: 1\nx-bomb:\n  - &l0 [lol]\n${levels.join('\n')}\n`);

    expect(findings).toEqual([
      expect.objectContaining({ message: expect.stringContaining('aliases blow this text up') }),
    ]);
  });

  it('that aliases make too long is refused before it is written out', () => {
    const text = `version: 1\nx-long: &long ${'x'.repeat(1_000_000)}\nx-all: [${'*long, '.repeat(64)}]\n`;

    const { findings, config } = parseSlipwayYml(text);

    expect(config).toBeUndefined();
    expect(findings).toEqual([
      expect.objectContaining({
        message: 'aliases blow this text up to more than 64000000 characters',
        hint: 'use fewer aliases of long texts',
      }),
    ]);
    expect(parseSlipwayYml(text.replaceAll('*long, '.repeat(10), '')).findings).toEqual([]);
  });

  it.each([
    ['YAML', 16_000_000, (length: number) => `x-a: ${'a'.repeat(length - 5)}`, 'at most 16000000'],
    [
      'JSON',
      64_000_000,
      (length: number) => `{"version":1,"x-a":"${'a'.repeat(length - 22)}"}`,
      'at most 64000000 of JSON without mistakes, else 16000000',
    ],
    [
      'JSON with a key twice',
      16_000_000,
      (length: number) => `{"x-a":1,"x-a":"${'a'.repeat(length - 18)}"}`,
      'at most 64000000 of JSON without mistakes, else 16000000',
    ],
  ])('that is too long is told how long it may be: %s', (_what, most, textOf, hint) => {
    const text = textOf(most + 1);
    const message = `the text has ${most + 1} characters`;

    expect(text).toHaveLength(most + 1);
    expect(parseSlipwayYml(text).findings).toEqual([expect.objectContaining({ message, hint })]);
  });

  it.each([
    ['JSON', `{"version": 1, "x-a": ${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`],
    ['lists of JSON', `{"version": 1, "x-a": ${'['.repeat(600)}${']'.repeat(600)}}`],
    ['YAML', `version: 1\nx-a: ${'{a: '.repeat(600)}1${'}'.repeat(600)}\n`],
    [
      'aliases',
      `version: 1\nx-a:\n  - &a0 [1]\n${Array.from({ length: 600 }, (_, at) => `  - &a${at + 1} [*a${at}]\n`).join('')}`,
    ],
  ])('that is nested too deeply is refused: %s', (_, text) => {
    const { findings, config } = parseSlipwayYml(text);

    expect(config).toBeUndefined();
    expect(findings).toEqual([
      expect.objectContaining({ severity: 'error', line: 1, column: 1, message: 'nested too deeply' }),
    ]);
  });

  it('may be nested as deeply as anybody means it', () => {
    const json = `{"version": 1, "x-a": ${'{"a":'.repeat(400)}1${'}'.repeat(400)}}`;

    expect(parseSlipwayYml(json).findings).toEqual([]);
  });

  it('that is not UTF-8 is refused', () => {
    const { findings, config } = parseSlipwayYml(Buffer.from('version: 1\nx-a: caf\xe9\n', 'latin1'));

    expect(config).toBeUndefined();
    expect(findings).toEqual([
      {
        severity: 'error',
        file: 'slipway.yml',
        line: 1,
        column: 1,
        message: 'slipway.yml is not UTF-8',
        hint: 'save it as UTF-8',
      },
    ]);
    expect(parseSlipwayYml(Buffer.from('version: 1\nx-a: café\n')).findings).toEqual([]);
  });

  it('may use one alias hundreds of times', () => {
    const uses = Array.from({ length: 500 }, (_, n) => `  t${n}: *task`);

    const { findings } = parseSlipwayYml(
      `version: 1\nx-task: &task {image: debian}\ntasks:\n${uses.join('\n')}\n`,
    );

    expect(findings).toEqual([]);
  });
});

describe('the file', () => {
  it.each(
    cases([
      ['has no version', '‸tasks: {}\n', 'version is missing', 'write "version: 1"'],
      [
        'has a version to come',
        'version: ‸2\n',
        'version must be the number 1, which is all that this Slipway reads, not the number 2',
      ],
      [
        'has the version as a text',
        'version: ‸"1"\n',
        'version must be the number 1, which is all that this Slipway reads, not the text "1"',
      ],
      [
        'has an unknown field',
        `${V}‸taskz: {}\n`,
        'unknown field "taskz" in the file',
        'did you mean "tasks"?',
      ],
      [
        'has a field that resembles nothing',
        `${V}‸qqqqqqqqq: {}\n`,
        'unknown field "qqqqqqqqq" in the file',
        'known: version, images, defaults, tasks, decision',
      ],
      [
        'has `jobs`',
        `${V}‸jobs: {}\n`,
        'unknown field "jobs" in the file',
        'write "tasks", a map of labels to tasks',
      ],
      [
        'has `services`',
        `${V}‸services: {}\n`,
        'unknown field "services" in the file',
        'there are no services: start it in the command, or as a container with "features: {dind: true}"',
      ],
      [
        'has no tasks below `tasks`',
        `${V}‸tasks:\n`,
        '"tasks" must be a map, not nothing',
        'write {} or leave the field out',
      ],
      [
        'has no images below `images`',
        `${V}‸images:\n`,
        '"images" must be a map, not nothing',
        'write {} or leave the field out',
      ],
      [
        'has nothing in defaults',
        `${V}defaults:\n  ‸env:\n`,
        'env must be a map, not nothing',
        'write {} or leave the field out',
      ],
      [
        'has a list of tasks',
        `${V}‸tasks:\n  - image: a\n`,
        '"tasks" must be a map, not a list',
        'write "name: value" without "-" before it',
      ],
    ]),
  )('that $claim is found', (one) => expectOneFinding(one, 'error'));
});

describe('an image definition', () => {
  it.each(
    cases([
      ['has a bad name', `${V}images:\n  ‸Base: {context: a}\n`, '"Base" is no name for an image'],
      [
        'has no context',
        `${V}images:\n  ‸base: {}\n`,
        'image "base" has no "context"',
        'write "context": a directory of the tree with a Dockerfile',
      ],
      [
        'is a text',
        `${V}images: {base: ‸docker/base}\n`,
        'image "base" must be a map, not the text "docker/base"',
      ],
      [
        'has an absolute context',
        `${V}images:\n  base: {context: ‸/docker}\n`,
        'context "/docker" is absolute',
      ],
      [
        'has a context outside',
        `${V}images:\n  base: {context: ‸a/../../b}\n`,
        'context "a/../../b" has a segment ".."',
      ],
      ['has an empty context', `${V}images:\n  base: {context: ‸""}\n`, 'context is empty'],
      [
        'has `dockerfile`',
        `${V}images:\n  base: {context: a, ‸dockerfile: b}\n`,
        'unknown field "dockerfile" in image "base"',
        'write "context": the directory that holds the Dockerfile',
      ],
      [
        'has a mistyped field',
        `${V}images:\n  base: {context: a, ‸agrs: {}}\n`,
        'unknown field "agrs" in image "base"',
        'did you mean "args"?',
      ],
      [
        'has a number as argument',
        `${V}images:\n  base: {context: a, args: {V: ‸1.10}}\n`,
        'args.V must be a text, not the number 1.1',
        'quote it: "1.10"',
      ],
      [
        'has an argument that is no name',
        `${V}images:\n  base: {context: a, args: {‸1a: x}}\n`,
        '"1a" is no name for a build argument',
      ],
      [
        'sets the parent by hand',
        `${IMAGES}  lint: {context: a, parent: base, args: {‸DOCKER_IMAGE_PARENT: x}}\n`,
        '"DOCKER_IMAGE_PARENT" is set by Slipway, since the image has a parent',
      ],
      [
        'has an unknown parent',
        `${IMAGES}  lint: {context: a, parent: ‸bass}\n`,
        'unknown parent image "bass"',
        'did you mean "base"?',
      ],
      [
        'is its own parent',
        `${V}images:\n  lint: {context: a, parent: ‸lint}\n`,
        'image "lint" is its own parent',
      ],
      [
        'has an argument that no program can be given',
        `${V}images:\n  base: {context: a, args: {V: ‸"${'x'.repeat(131_070)}"}}\n`,
        'the build argument "V" has 131072 bytes with its name',
        'RUN has it as a variable, and no program is started with more than 131071: put it into a file of the context',
      ],
      [
        'has arguments that no request can carry',
        `${V}images:\n  base: {context: a, ‸args: {A: "${'a'.repeat(131_052)}", B: "${'b'.repeat(131_052)}"}}\n`,
        'the build arguments come to 262145 characters as they are sent',
      ],
      [
        'is in a cycle',
        `${V}images:\n  a: {context: a, parent: ‸c}\n  b: {context: a, parent: a}\n  c: {context: a, parent: b}\n`,
        "images are each other's parents: a → c → b → a",
      ],
      [
        'has an unknown policy for its base',
        `${V}images:\n  a: {context: a, base: ‸tracked}\n`,
        'base must be one of pin, track, not the text "tracked"',
        'did you mean "track"?',
      ],
      [
        'is to be rebuilt after no time that there is',
        `${V}images:\n  a: {context: a, rebuild-after: ‸7d}\n`,
        '"7d" is no duration',
        'write "7 days"',
      ],
      [
        'has an unknown way of keeping the tarball',
        `${V}images:\n  a: {context: a, tarball: ‸store}\n`,
        'tarball must be one of view, stored, not the text "store"',
        'did you mean "stored"?',
      ],
    ]),
  )('that $claim is found', (one) => expectOneFinding(one, 'error'));
});

/** A file with one task; its other fields are right. */
const task = (fields: string): string => `${V}tasks:\n  a:\n    image: debian\n    ${fields}\n`;
const tasks = (lines: string): string => `${IMAGES}tasks:\n${lines}\n`;

describe('a task', () => {
  it.each(
    cases([
      ['has a bad label', tasks('  ‸a b: {image: debian}'), '"a b" is no label for a task'],
      [
        'has a label that is too long',
        tasks(`  ‸${'a'.repeat(201)}: {image: debian}`),
        `"${'a'.repeat(59)}…" is no label for a task`,
        'a label has at most 200 characters',
      ],
      ['is nothing', tasks('  ‸a:'), 'task "a" must be a map, not nothing'],
      [
        'has an unknown field',
        task('‸comand: [a]'),
        'unknown field "comand" in task "a"',
        'did you mean "command"?',
      ],
      [
        'has an x- field',
        task('‸x-a: 1'),
        'unknown field "x-a" in task "a"',
        '"x-" members belong at the top level',
      ],
      [
        'has `needs`',
        task('‸needs: [b]'),
        'unknown field "needs" in task "a"',
        'write "dependencies", a list of labels',
      ],
      [
        'has `depends_on`',
        task('‸depends_on: [b]'),
        'unknown field "depends_on" in task "a"',
        'write "dependencies", a list of labels',
      ],
      ['has `script`', task('‸script: [b]'), 'unknown field "script" in task "a"', COMMAND],
      ['has `run`', task('‸run: b'), 'unknown field "run" in task "a"', COMMAND],
      ['has `cmd`', task('‸cmd: b'), 'unknown field "cmd" in task "a"', COMMAND],
      ['has `entrypoint`', task('‸entrypoint: ""'), 'unknown field "entrypoint" in task "a"', ENTRYPOINT],
      [
        'has `timeout`',
        task('‸timeout: 3'),
        'unknown field "timeout" in task "a"',
        'write "maxRunTime": seconds, or words such as "30 minutes"',
      ],
      [
        'has `variables`',
        task('‸variables: {}'),
        'unknown field "variables" in task "a"',
        'write "env", a map of names to texts',
      ],
      [
        'has `environment`',
        task('‸environment: {}'),
        'unknown field "environment" in task "a"',
        'write "env", a map of names to texts',
      ],
      [
        'has `only`',
        task('‸only: [main]'),
        'unknown field "only" in task "a"',
        'write "when: {changed: [GLOB], refs: [BRANCH], levels: [1, 3]}"',
      ],
      [
        'has `rules`',
        task('‸rules: []'),
        'unknown field "rules" in task "a"',
        'write "when: {changed: [GLOB], refs: [BRANCH], levels: [1, 3]}"',
      ],
      [
        'has `if`',
        task('‸if: x'),
        'unknown field "if" in task "a"',
        'write "when: {changed: [GLOB], refs: [BRANCH], levels: [1, 3]}"',
      ],
      [
        'has `stage`',
        task('‸stage: x'),
        'unknown field "stage" in task "a"',
        'there are no stages; name in "dependencies" the tasks that this one waits for',
      ],
      [
        'has `matrix`',
        task('‸matrix: {}'),
        'unknown field "matrix" in task "a"',
        'there is no matrix syntax; write the tasks out, with anchors, or print them from a "decision" program',
      ],
      [
        'has `strategy`',
        task('‸strategy: {}'),
        'unknown field "strategy" in task "a"',
        'there is no matrix syntax; write the tasks out, with anchors, or print them from a "decision" program',
      ],
      [
        'has a command that is longer than an argument may be',
        task(`command: ‸${'x'.repeat(131_072)}`),
        'an argument of the command has 131072 bytes',
        'no program is started with more than 131071: put it into a file of the tree',
      ],
      [
        'has an argument that is too long',
        task(`command: [sh, -c, ‸${'x'.repeat(131_072)}]`),
        'an argument of the command has 131072 bytes',
      ],
      [
        'has a variable that is too long',
        task(`env: {A: ok, BIG: ‸${'é'.repeat(65_534)}}`),
        'the variable "BIG" has 131072 bytes with its name',
        'no program is started with more than 131071: put it into a file of the tree',
      ],
      [
        'has a variable from defaults that is too long',
        `${V}defaults: {env: {BIG: ‸${'x'.repeat(131_068)}}}\ntasks:\n  a: {image: debian}\n  b: {image: debian}\n`,
        'the variable "BIG" has 131072 bytes with its name',
      ],
      [
        'has a number in its command',
        task('command: [make, ‸-1]'),
        'command[1] must be a text, not the number -1',
        'quote it: "-1"',
      ],
      [
        'has a map as command',
        task('command: ‸{a: b}'),
        'command must be a list of texts, or one text that sh runs, not a map',
      ],
      [
        'has an empty command',
        task('command: ‸[]'),
        'command is empty',
        'leave it out to run the command of the image',
      ],
      [
        'has a boolean in env',
        task('env: {CI: ‸true}'),
        'env.CI must be a text, not the boolean true',
        'quote it: "true"',
      ],
      [
        'has a number in env',
        task('env: {CI: ‸0x10}'),
        'env.CI must be a text, not the number 16',
        'quote it: "0x10"',
      ],
      [
        'has nothing in env',
        task('env: {‸CI: }'),
        'env.CI must be a text, not nothing',
        'write "" if the empty text is meant',
      ],
      ['has a list as env', task('env: ‸[CI=1]'), 'env must be a map, not a list'],
      ['has "=" in a variable', task('env: {‸A=B: x}'), '"A=B" is no name for a variable'],
      [
        'has a duration in short form',
        task('maxRunTime: ‸30m'),
        '"30m" is no duration',
        'write "30 minutes"',
      ],
      [
        'has a duration in quotes',
        task('maxRunTime: ‸"3600"'),
        '"3600" is no duration',
        'write 3600 without quotes',
      ],
      [
        'has a duration of no meaning',
        task('deadline: ‸soon'),
        '"soon" is no duration',
        'write seconds, such as 1800, or words, such as "30 minutes" or "1 hour 30 minutes"',
      ],
      [
        'has a duration in units that are a word of every object',
        task('deadline: ‸5 constructor'),
        '"5 constructor" is no duration',
        'write seconds, such as 1800, or words, such as "30 minutes" or "1 hour 30 minutes"',
      ],
      ['has no time', task('maxRunTime: ‸0 days'), '"0 days" is no time at all'],
      ['has zero seconds', task('maxRunTime: ‸0'), 'maxRunTime must be more than 0, not the number 0'],
      [
        'has a label that is also a field',
        tasks('  env: {image: debian, command: ‸7}'),
        'command must be a list of texts, or one text that sh runs, not the number 7',
        'quote it: "7"',
      ],
      [
        'has a variable called as a field',
        task('env: {command: ‸7}'),
        'env.command must be a text, not the number 7',
      ],
      ['has half a second', task('maxRunTime: ‸1.5'), `maxRunTime must be ${DURATION}, not the number 1.5`],
      ['has a list as duration', task('maxRunTime: ‸[1]'), `maxRunTime must be ${DURATION}, not a list`],
      [
        'has a duration beyond counting',
        task(`deadline: ‸${'9'.repeat(30)} days`),
        `"${'9'.repeat(30)} days" is longer than can be counted`,
      ],
      [
        'runs longer than a timer counts',
        task('maxRunTime: ‸2592000'),
        '"2592000" is longer than can be counted',
        '21 days is the most',
      ],
      [
        'keeps an artifact beyond all dates',
        task('artifacts: {public/a: {type: file, path: /a, expires: ‸900 years}}'),
        '"900 years" is longer than can be counted',
        '36500 days is the most',
      ],
      [
        'has a text as dependencies',
        task('dependencies: ‸b'),
        'dependencies must be a list, not the text "b"',
        'write ["b"]',
      ],
      [
        'has an unknown priority',
        task('priority: ‸hihg'),
        'priority must be one of highest, very-high, high, medium, low, very-low, lowest, not the text "hihg"',
        'did you mean "high"?',
      ],
      ['has too many retries', task('retries: ‸50'), 'retries must be at most 49, not the number 50'],
      ['has fewer than no retries', task('retries: ‸-1'), 'retries must be at least 0, not the number -1'],
      [
        'has a relative checkout',
        task('checkout: ‸src'),
        'checkout must be an absolute path in the container, not "src"',
      ],
      [
        'has a true checkout',
        task('checkout: ‸true'),
        'checkout must be an absolute path, false, or a map such as {path: /src, git: true}, not the boolean true',
      ],
      [
        'has a checkout with a word that it does not know',
        task('checkout: {path: /src, ‸gti: true}'),
        'unknown field "gti" in "checkout"',
        'did you mean "git"?',
      ],
      [
        'has a checkout without any depth',
        task('checkout: {git: true, depth: ‸0}'),
        'checkout.depth must be at least 1, not the number 0',
      ],
      [
        'has no user that a container could have',
        task('user: ‸"1000:"'),
        'user must be a user, or user:group, by names that the image has or by numbers, not "1000:"',
      ],
      [
        'has a list of users',
        task('user: ‸[a]'),
        'user must be a user, or user:group, by names or numbers, not a list',
      ],
      [
        'has an unknown size',
        task('resources: {memory: ‸2 gigs}'),
        '"2 gigs" is no size',
        'write a number with a unit, such as "512m" or "2g", or bytes as a text',
      ],
      [
        'has a size as a number',
        task('resources: {shm: ‸64}'),
        'resources.shm must be a text, not the number 64',
        'write it with its unit: "64m"',
      ],
      [
        'has a size as a small number',
        task('resources: {memory: ‸2}'),
        'resources.memory must be a text, not the number 2',
        'write it with its unit: "2g"',
      ],
      [
        'has bytes as a number',
        task('resources: {memory: ‸2147483648}'),
        'resources.memory must be a text, not the number 2147483648',
        'quote it: "2147483648"',
      ],
      [
        'has ": " in its command',
        task('command: [‸echo foo: bar]'),
        'command[0] must be a text, not a map',
        'quote the text: ": " in it begins a map',
      ],
      [
        'has nothing as dependencies',
        task('‸dependencies:'),
        'dependencies must be a list, not nothing',
        'write [] or leave the field out',
      ],
      [
        'has two letters changed over in a field',
        task('‸retires: 2'),
        'unknown field "retires" in task "a"',
        'did you mean "retries"?',
      ],
      [
        'has too little memory',
        task('resources: {memory: ‸1m}'),
        '"1m" is less memory than a container can have',
      ],
      ['has `cpu`', task('resources: {‸cpu: 1}'), 'unknown field "cpu" in "resources"', 'write "cpus"'],
      [
        'has a level that is none, and no other',
        task('when: {levels: [‸4]}'),
        'when.levels[0] must be 1 or 2 or 3, not the number 4',
      ],
      [
        'has `branches`',
        task('when: {‸branches: [a]}'),
        'unknown field "branches" in "when"',
        'write "refs"',
      ],
      ['has an empty glob', task('when: {changed: [‸""]}'), 'the glob "" is empty'],
      [
        'has a glob that takes for ever',
        task(`when: {changed: [‸"${'*a'.repeat(9)}"]}`),
        `the glob "${'*a'.repeat(9)}" has more than 8 wildcards`,
      ],
    ]),
  )('that $claim is found', (one) => expectOneFinding(one, 'error'));
});

describe('the image of a task', () => {
  const NEEDED = 'task "b" is not among the dependencies of the task that uses its image';

  it.each(
    cases([
      ['is missing', tasks('  ‸a: {}'), 'task "a" has no image'],
      [
        'is in-tree and unknown',
        tasks('  a: {image: {in-tree: ‸bas}}'),
        'unknown in-tree image "bas"',
        'did you mean "base"?',
      ],
      ['is no name', tasks('  a: {image: ‸Debian}'), '"Debian" is no name of an image'],
      [
        'is no name, in its long form',
        tasks('  a: {image: {type: docker-image, name: ‸a b}}'),
        '"a b" is no name of an image',
      ],
      [
        'is a name of ours',
        tasks('  a: {image: ‸slipway.invalid/image:1a2b}'),
        '"slipway.invalid/image:1a2b" is a name that only Slipway gives, and nobody can ask for',
        'write {in-tree: NAME}, or a map with "type" task-image or indexed-image for an image of another push',
      ],
      [
        'is an id',
        tasks(`  a: {image: {type: docker-image, name: ‸${'ab'.repeat(32)}}}`),
        `"${'ab'.repeat(32).slice(0, 59)}…" is an id that one engine has given, and no name of an image`,
        'write NAME:TAG or NAME@sha256:DIGEST',
      ],
      [
        'is a number',
        tasks('  a: {image: ‸7}'),
        'image must be a name such as debian:bookworm, {in-tree: NAME}, or a map with "type" docker-image, task-image or indexed-image, not the number 7',
      ],
      [
        'has an unknown type',
        tasks('  a: {image: {type: ‸docker-imag, name: x}}'),
        'image.type must be one of docker-image, task-image, indexed-image, not the text "docker-imag"',
        'did you mean "docker-image"?',
      ],
      [
        'has no type',
        tasks('  a: {image: ‸{in_tree: base}}'),
        'image has neither "in-tree" nor "type"',
        'write "{in-tree: NAME}"',
      ],
      [
        'has an entrypoint and no type',
        tasks('  a: {image: ‸{name: x, entrypoint: [""]}}'),
        'image has neither "in-tree" nor "type"',
        'write {in-tree: NAME} or {type: docker-image, name: NAME}',
      ],
      [
        'has an entrypoint',
        tasks('  a: {image: {type: docker-image, name: x, ‸entrypoint: [""]}}'),
        'unknown field "entrypoint" in "image"',
        ENTRYPOINT,
      ],
      [
        'has a field too many',
        tasks('  a: {image: {in-tree: base, ‸nmae: x}}'),
        'unknown field "nmae" in "image"',
      ],
      [
        'lacks a field',
        tasks('  a: {‸image: {type: docker-image}}'),
        '"image" has no "name"',
        'write "name": name of an image, such as debian:bookworm',
      ],
      [
        'lacks a path',
        tasks('  a: {‸image: {type: indexed-image, namespace: a.b}}'),
        '"image" has no "path"',
        'write "path": name of an artifact that ends in .tar, .tar.gz, .tgz or .tar.zst',
      ],
      [
        'is of two forms',
        tasks('  a: {image: {in-tree: base, ‸type: docker-image}}'),
        'unknown field "type" in "image"',
        'leave it out: "in-tree" says it',
      ],
      [
        'is in-tree with a field of another form',
        tasks('  a: {image: {in-tree: base, ‸path: a.tar}}'),
        'unknown field "path" in "image"',
        'known: in-tree',
      ],
    ]),
  )('that $claim is found', (one) => expectOneFinding(one, 'error'));

  it.each([
    [
      'a path that is no tarball',
      '{image: {type: task-image, taskId: x, path: ‸a.zip}}',
      'image.path must end in .tar, .tar.gz, .tgz or .tar.zst, not "a.zip"',
    ],
    [
      'an unknown label',
      '{image: {type: task-image, taskId: {task-reference: ‸c}, path: a.tar}}',
      'unknown task "c"',
    ],
    [
      'a label that it does not depend on',
      '{image: {type: task-image, taskId: {task-reference: ‸b}, path: a.tar}}',
      NEEDED,
    ],
    [
      'a label in angle brackets',
      '{image: {type: task-image, taskId: {task-reference: ‸<b>}, path: a.tar}}',
      NEEDED,
    ],
    ['an id that is none', '{image: {type: task-image, taskId: ‸x, path: a.tar}}', '"x" is no id of a task'],
    [
      'the id of a push',
      '{image: {type: task-image, taskId: ‸push/p/1/0123456789012345678901234567890123456789, path: a.tar}}',
      '"push/p/1/0123456789012345678901234567890123456789" is no id of a task',
    ],
    [
      'a directory',
      '{dependencies: [b], image: {type: task-image, taskId: {task-reference: b}, path: ‸d.tar}}',
      'task "b" does not declare an artifact "d.tar"',
    ],
    [
      'a namespace that is none',
      '{image: {type: indexed-image, namespace: ‸a..b, path: a.tar}}',
      '"a..b" is no namespace',
    ],
    ['a route that is none', '{image: debian, routes: [a.b, ‸"a b"]}', '"a b" is no namespace'],
    ['a route twice', '{image: debian, routes: [a.b, ‸a.b]}', 'route "a.b" is named twice'],
    [
      'too many routes',
      `{image: debian, ‸routes: [${Array.from({ length: 65 }, (_, n) => `r${n}`).join(', ')}]}`,
      'a task has at most 64 routes',
    ],
    [
      'an artifact that is not declared',
      '{dependencies: [b], image: {type: task-image, taskId: {task-reference: b}, path: ‸a.tra.tar}}',
      'task "b" does not declare an artifact "a.tra.tar"',
    ],
  ])('of another task with %s is found', (_claim, form, message) => {
    const b =
      '  b: {image: debian, artifacts: {a.tar: {type: file, path: /a}, d.tar: {type: directory, path: /d}}}';
    const { text, line, column } = markedText(tasks(`  a: ${form}\n${b}`));

    const { findings } = parseSlipwayYml(text);

    expect(findings).toContainEqual(expect.objectContaining({ line, column, message }));
  });

  it.each([
    ['task/p/1/0123456789012345678901234567890123456789/make', 'public/a.tar'],
    ['image/p/3/lint/abc', 'public/image.tar'],
  ])('may be an artifact of %s', (taskId, path) => {
    const { config, findings } = parseSlipwayYml(
      tasks(`  a: {image: {type: task-image, taskId: ${taskId}, path: ${path}, name: "lint:1"}}`),
    );

    expect(findings).toEqual([]);
    expect(config?.tasks['a']?.image).toEqual({ type: 'task-image', taskId, path, name: 'lint:1' });
  });
});

describe('artifacts and inputs', () => {
  const make = (artifact: string): string => task(`artifacts: {${artifact}}`);
  const MAKER =
    '  b: {image: debian, artifacts: {public/a.tar: {type: file, path: /a}, out: {type: directory, path: /o}}}';
  const take = (fields: string): string => tasks(`  a: {image: debian, ${fields}}\n${MAKER}`);

  it.each(
    cases([
      [
        'an unknown type',
        make('a: {type: ‸fil, path: /a}'),
        'artifacts.a.type must be one of file, directory, volume, not the text "fil"',
        'did you mean "file"?',
      ],
      [
        'a relative path',
        make('a: {type: file, path: ‸b}'),
        'artifacts.a.path must be an absolute path in the container, not "b"',
      ],
      ['no path', make('‸a: {type: file}'), '"artifacts.a" has no "path"', 'write "path": a text'],
      [
        'a bad expiry',
        make('a: {type: file, path: /a, expires: ‸3d}'),
        '"3d" is no duration',
        'write "3 days"',
      ],
      [
        '`expire_in`',
        make('a: {type: file, path: /a, ‸expire_in: 1 day}'),
        'unknown field "expire_in" in "artifacts.a"',
        'write "expires": seconds, or words such as "30 days"',
      ],
      [
        'a name with ".."',
        make('‸a/../b: {type: file, path: /a}'),
        'artifact name "a/../b" has a segment "." or ".."',
      ],
      [
        'a name that begins with "/"',
        make('‸/a: {type: file, path: /a}'),
        'artifact name "/a" begins with "/"',
      ],
      [
        'a name with an empty segment',
        make('‸a//b: {type: file, path: /a}'),
        'artifact name "a//b" has an empty segment',
      ],
      ['an empty name', make('‸"": {type: file, path: /a}'), 'artifact name "" is empty'],
      [
        'the name of the log',
        make('‸public/logs/live.log: {type: file, path: /a}'),
        'artifact name "public/logs/live.log" is the log that Slipway itself writes',
      ],
      [
        'the name of the directory of the log',
        make('‸public/logs: {type: file, path: /a}'),
        'artifact names "public/logs" and "public/logs/live.log" clash: one would be the directory of the other',
      ],
      [
        'a name inside another',
        make('a/b: {type: file, path: /a}, ‸a/b/c: {type: file, path: /b}'),
        'artifact names "a/b" and "a/b/c" clash: one would be the directory of the other',
        'rename "a/b/c"',
      ],
    ]),
  )('an artifact with $claim is found', (one) => expectOneFinding(one, 'error'));

  it.each(
    cases([
      [
        'to a relative path',
        take('dependencies: [b], inputs: {‸in: {task: b, artifact: public/a.tar}}'),
        'inputs.in must be an absolute path in the container',
      ],
      [
        'to no file',
        take('dependencies: [b], inputs: {‸/in/: {task: b, artifact: public/a.tar}}'),
        '"/in/" is no path of a file',
      ],
      [
        'of an unknown task',
        take('dependencies: [b], inputs: {/in: {task: ‸bb, artifact: public/a.tar}}'),
        'unknown task "bb"',
        'did you mean "b"?',
      ],
      [
        'of the build of an image',
        take('inputs: {/in: {task: ‸image:base, artifact: public/image.tar}}'),
        BUILD,
        RUN_IN_IT,
      ],
      [
        'of a task that it does not wait for',
        take('inputs: {/in: {task: ‸b, artifact: public/a.tar}}'),
        'task "b" is not among the dependencies of the task that takes its artifact',
        'add "b" to "dependencies"',
      ],
      [
        'that is not declared',
        take('dependencies: [b], inputs: {/in: {task: b, artifact: ‸public/b.tar}}'),
        'task "b" does not declare an artifact "public/b.tar"',
        'did you mean "public/a.tar"?',
      ],
      [
        'without its artifact',
        take('dependencies: [b], inputs: {‸/in: {task: b}}'),
        '"inputs./in" has no "artifact"',
      ],
      [
        'of a task and of a route',
        take('dependencies: [b], inputs: {‸/in: {task: b, namespace: my.builds, artifact: public/a.tar}}'),
        'an input is of a task of this push or of a route',
        'write {task: LABEL, artifact: NAME} or {namespace: my.builds.latest, artifact: NAME}',
      ],
      [
        'of neither',
        take('dependencies: [b], inputs: {‸/in: {artifact: public/a.tar}}'),
        'an input is of a task of this push or of a route',
        'write {task: LABEL, artifact: NAME} or {namespace: my.builds.latest, artifact: NAME}',
      ],
      [
        'of a route that is none',
        take('dependencies: [b], inputs: {/in: {namespace: ‸my..builds, artifact: public/a.tar}}'),
        '"my..builds" is no namespace',
      ],
    ]),
  )('an input $claim is found', (one) => expectOneFinding(one, 'error'));

  it.each(['public/a.tar', 'out/x/y.txt', 'public/logs/live.log'])('an input may be %s', (artifact) => {
    expect(
      parseSlipwayYml(take(`dependencies: [b], inputs: {/in: {task: b, artifact: ${artifact}}}`)).findings,
    ).toEqual([]);
  });
});

describe('dependencies', () => {
  it.each(
    cases([
      [
        'is unknown',
        tasks('  a: {image: debian, dependencies: [‸buidl]}\n  build: {image: debian}'),
        'unknown task "buidl"',
        'did you mean "build"?',
      ],
      [
        'is the build of an image',
        tasks('  a: {image: debian, dependencies: [‸image:base]}'),
        BUILD,
        RUN_IN_IT,
      ],
      [
        'would be the build of an image that is none',
        tasks('  a: {image: debian, dependencies: [‸image:none]}'),
        'unknown task "image:none"',
      ],
      ['is the task itself', tasks('  a: {image: debian, dependencies: [‸a]}'), 'task "a" depends on itself'],
      [
        'closes a cycle',
        tasks(
          '  a: {image: debian}\n  b: {image: debian, dependencies: [a, ‸c]}\n  c: {image: debian, dependencies: [d]}\n  d: {image: debian, dependencies: [b]}',
        ),
        'tasks wait for each other: b → c → d → b',
      ],
      [
        'has a name that every object has',
        tasks('  a: {image: debian, dependencies: [‸constructor]}'),
        'unknown task "constructor"',
      ],
    ]),
  )('with one that $claim are found', (one) => expectOneFinding(one, 'error'));

  it('are checked one by one: a bad one does not hide another', () => {
    const { findings } = parseSlipwayYml(
      tasks(
        [
          '  a: {image: debian, dependencies: [b, {task: b}, "b*", 7, b]}',
          '  b: {image: debian, dependencies: [[c]]}',
        ].join('\n'),
      ),
    );

    expect(findings.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      '5:40 dependencies[1] must be a text, not a map',
      '5:51 unknown task "b*"',
      '5:57 dependencies[3] must be a text, not the number 7',
      '5:60 task "b" is named twice',
      '6:37 dependencies[0] must be a text, not a list',
    ]);
  });

  it('of which one has the wrong shape may be those that an input and an image need', () => {
    const { findings } = parseSlipwayYml(
      tasks(
        [
          '  a: {image: debian, dependencies: [c, {task: b}], inputs: {/in: {task: b, artifact: x.tar}}}',
          '  d: {dependencies: [c, 7], image: {type: task-image, taskId: {task-reference: b}, path: x.tar}}',
          '  b: {image: debian, artifacts: {x.tar: {type: file, path: /x}}}',
          '  c: {image: debian}',
        ].join('\n'),
      ),
    );

    expect(findings.map(({ message }) => message)).toEqual([
      'dependencies[1] must be a text, not a map',
      'dependencies[1] must be a text, not the number 7',
    ]);
  });

  it('in one anchor of two tasks are reported at their places', () => {
    const { findings } = parseSlipwayYml(
      tasks('  a: {image: debian, dependencies: &d [7, x, y]}\n  b: {image: debian, dependencies: *d}'),
    );

    expect(findings.map(({ column, message }) => `${column} ${message}`)).toEqual([
      '40 dependencies[0] must be a text, not the number 7',
      '43 unknown task "x"',
      '46 unknown task "y"',
    ]);
  });

  it('that are maps get no hint to quote them', () => {
    const { findings } = parseSlipwayYml(
      tasks('  a: {image: debian, dependencies: [{task: b}]}\n  b: {image: debian}'),
    );

    expect(findings.map(({ hint }) => hint)).toEqual([undefined]);
  });

  it('name every cycle once', () => {
    const { findings } = parseSlipwayYml(
      tasks(
        [
          '  a: {image: debian, dependencies: [b]}',
          '  b: {image: debian, dependencies: [a]}',
          '  c: {image: debian, dependencies: [a, d]}',
          '  d: {image: debian, dependencies: [c]}',
        ].join('\n'),
      ),
    );

    expect(findings.map(({ message }) => message)).toEqual([
      'tasks wait for each other: a → b → a',
      'tasks wait for each other: c → d → c',
    ]);
  });
});

const numbered = (count: number): string =>
  Array.from({ length: count }, (_, at) => `c${at}: /caches/${at}`).join(', ');

describe('caches and volumes', () => {
  const OWN = 'give each a path of its own';
  const NAME =
    'a name has letters, digits, ".", "_" and "-", begins with a letter or digit, and is at most 128 long';
  it.each(
    cases([
      ['a name with "/"', task('cache: {‸../up: /a}'), '"../up" is no name for a cache', NAME],
      ['an empty name', task('cache: {‸"": /a}'), '"" is no name for a cache', NAME],
      [
        'a long name',
        task(`cache: {‸${'n'.repeat(129)}: /a}`),
        `"${'n'.repeat(59)}…" is no name for a cache`,
        NAME,
      ],
      [
        'a relative path',
        task('cache: {a: ‸b}'),
        'cache.a must be an absolute path in the container, not "b"',
      ],
      [
        'a relative path in a map',
        task('cache: {a: {path: ‸b}}'),
        'cache.a.path must be an absolute path in the container, not "b"',
      ],
      [
        'an unknown field',
        task('cache: {a: {path: /b, ‸perimage: false}}'),
        'unknown field "perimage" in "cache.a"',
        'did you mean "perImage"?',
      ],
      ['no path', task('cache: {‸a: {}}'), '"cache.a" has no "path"'],
      ['a number', task('cache: {a: ‸1}'), 'cache.a must be a text or a map, not the number 1'],
      [
        'the root',
        task('cache: {a: ‸/}'),
        '"/" is no directory for cache "a"',
        'write an absolute path below "/", without ".."',
      ],
      ['a path with ".."', task('cache: {a: ‸/a/../b}'), '"/a/../b" is no directory for cache "a"'],
      ['the path of the secrets', task('cache: {a: ‸/run/}'), 'cache "a" at "/run/" would hide /run/secrets'],
      ['a path of the kernel', task('cache: {a: ‸/dev/shm}'), 'cache "a" at "/dev/shm" would hide /dev'],
      [
        'one path for two',
        task('cache: {a: /b, c: ‸/b/}'),
        'cache "a" and cache "c" share a path: "/b/"',
        OWN,
      ],
      [
        'one inside the other',
        task('cache: {a: /b/c, d: {path: ‸/b}}'),
        'cache "a" and cache "d" lie in one another: "/b"',
        OWN,
      ],
      [
        'a volume in a cache',
        task('cache: {a: /b}\n    artifacts: {public/v: {type: volume, path: ‸/b/v}}'),
        'cache "a" and volume "public/v" lie in one another: "/b/v"',
        OWN,
      ],
      [
        'a path below that of the one before last',
        task('cache: {a: /b, c: /bb, d: ‸/b/c}'),
        'cache "a" and cache "d" lie in one another: "/b/c"',
        OWN,
      ],
      [
        'a hundred others',
        task(`cache: {${numbered(100)}, over: ‸/over}`),
        'there are too many caches and volumes',
        'a task has at most 100 of them',
      ],
      [
        'the checkout inside',
        task('cache: {a: ‸/src}'),
        'cache "a" at "/src" would have the checkout in it',
        'choose a path beside or below the checkout, or write "checkout: false"',
      ],
      [
        'the checkout far inside',
        task('checkout: /w/src\n    cache: {a: ‸/w}'),
        'cache "a" at "/w" would have the checkout in it',
      ],
    ]),
  )('are refused with $claim', (one) => expectOneFinding(one, 'error'));

  it.each([
    'cache: {a: /src/node_modules, b: /b, bb: /bb}',
    `cache: {${numbered(100)}}`,
    'cache: {gecko-level-1-checkouts_v3.x: {path: /c, perImage: false}}',
    'checkout: false\n    cache: {a: /src}',
    'onExitStatus: {purgeCaches: [0, 1]}',
    'artifacts: {public/v: {type: volume, path: /v}, public/f: {type: file, path: /v/f}}\n    cache: {a: /a}',
  ])('are accepted: %s', (fields) => expect(parseSlipwayYml(task(fields)).findings).toEqual([]));
});

describe('secrets', () => {
  const NAME = 'must be letters, digits and "_", and begin with no digit';
  it.each(
    cases([
      ['a name with "-"', task('secrets: [‸DEPLOY-KEY]'), `secrets[0] ${NAME}, not "DEPLOY-KEY"`],
      ['a path for a name', task('secrets: {‸../x: {}}'), `secrets.../x ${NAME}`],
      ['a bad variable', task('secrets: {A: {env: ‸"a b"}}'), `secrets.A.env ${NAME}, not "a b"`],
      ['an unknown field', task('secrets: {A: {‸file: /a}}'), 'unknown field "file" in "secrets.A"'],
      ...['constructor', 'toString', 'valueOf', 'maxRunTime'].map((name): Row => [
        `a text for what ${name} is`,
        task(`secrets: {${name}: ‸x}`),
        `secrets.${name} must be a map, not the text "x"`,
      ]),
      [
        'a text for a name that every object has, in defaults',
        `${V}defaults: {secrets: {constructor: ‸x}}\ntasks: {a: {image: debian}}\n`,
        'secrets.constructor must be a map, not the text "x"',
      ],
    ]),
  )('are refused with $claim', (one) => expectOneFinding(one, 'error'));

  it.each(['secrets: [A, b_2]', 'secrets: {A: {}, B: {env: true}, C: {env: OTHER}}'])(
    'are accepted: %s',
    (fields) => expect(parseSlipwayYml(task(fields)).findings).toEqual([]),
  );
});

describe('a field that is not carried out yet', () => {
  it.each(
    cases([
      [
        'a right that is neither',
        task('features: {allowPtrace: ‸"yes"}'),
        'feature "allowPtrace" is neither true nor false',
      ],
      [
        'a private engine that is neither',
        task('features: {dind: ‸"yes"}'),
        'feature "dind" is neither true nor false',
      ],
      [
        'a way of being interactive that there is not',
        task('features: {interactive: ‸always}'),
        'feature "interactive" is neither true, false nor "onFailure"',
        'every task that runs can be joined by slipway shell; write "onFailure" to join it once it has failed',
      ],
      [
        'keeping what has a private engine',
        task('features: {dind: true, interactive: ‸onFailure}'),
        'a task with a private engine is not kept once it has failed',
        'its engine is thrown away with the run; leave "interactive" out, and join it while it runs',
      ],
      [
        'a private engine without a network',
        task('features: {dind: true}\n    network: ‸none'),
        'a task with a private engine has a network',
        'write "network: own" for this task, or leave "dind" out',
      ],
      [
        'a type that is none',
        task('artifacts: {public/a: {type: file, path: /a, contentType: ‸text}}'),
        'artifacts.public/a.contentType must be a media type, such as text/plain, not "text"',
      ],
      [
        'features.chainOfTrust',
        task('features: {‸chainOfTrust: true}'),
        'this feature is not carried out yet',
      ],
      [
        'a feature that is misspelt',
        task('features: {‸dnid: true}'),
        'this feature is not carried out yet',
        'did you mean "dind"?',
      ],
      [
        'capabilities.privileged',
        task('capabilities: {‸privileged: true}'),
        'a privileged container is not carried out: it is root on its machine',
      ],
      [
        'the shared memory of the machine',
        task('capabilities: {devices: {‸hostSharedMemory: true}}'),
        'the shared memory of the machine is not given to tasks',
        'write "resources: {shm: 4g}" for as much of its own',
      ],
      [
        'a device',
        task('capabilities: {devices: {kvm: true, ‸loopbackVideo: true}}'),
        'device "loopbackVideo" is not given to tasks',
      ],
      [
        'runAsRoot, which is a field here',
        task('features: {‸runAsRoot: true}'),
        'feature "runAsRoot" is not carried out: a field of the task says whom it runs as',
        'write "user: root"',
      ],
    ]),
  )('is refused: $claim', (one) => expectOneFinding(one, 'error'));

  it.each([
    'features: {}',
    'features: {dind: false}',
    'cache: {}',
    'capabilities: {}',
    'capabilities: {privileged: false, disableSeccomp: true, devices: {kvm: false}}',
    'capabilities: {devices: {kvm: true, loopbackVideo: false}}',
    'features: {allowPtrace: true}',
    'features: {interactive: false}',
    'features: {interactive: onFailure}',
    'secrets: []',
    'onExitStatus: {purgeCaches: []}',
  ])('asks for nothing, and is accepted: %s', (fields) =>
    expect(parseSlipwayYml(task(fields)).findings).toEqual([]),
  );
});

describe('a warning', () => {
  it.each(
    cases([
      [
        'for a feature without effect',
        task('features: {‸localLiveLog: false, dind: false}'),
        'feature "localLiveLog" has no effect: the log and artifacts are always kept',
      ],
      [
        'for a task that asks to be interactive while it runs',
        task('features: {‸interactive: true}'),
        'feature "interactive" has no effect: every task that runs can be joined by slipway shell',
        'write "onFailure" to keep it once it has failed, and join it then',
      ],
      [
        'for `log`',
        task('‸log: public/x.log'),
        '"log" has no effect: the log is always public/logs/live.log',
      ],
      [
        'for the symbol of a task, once however many have one',
        tasks('  a: {image: debian, ‸symbol: A}\n  b: {image: debian, symbol: B}'),
        '"symbol" has no effect yet: there are no pages that show it',
      ],
      [
        'for the group of a task',
        task('‸group: T'),
        '"group" has no effect yet: there are no pages that show it',
      ],
      [
        'for an image outside that has the name of one inside',
        tasks('  a: {image: ‸base}'),
        '"base" is pulled from outside, though an in-tree image has this name',
        'write "{in-tree: base}" if that one is meant',
      ],
      [
        'for a dependency named twice',
        tasks('  a: {image: debian}\n  b: {image: debian, dependencies: [a, ‸a]}'),
        'task "a" is named twice',
      ],
      [
        'for a condition that never holds',
        task('when: {refs: ‸[]}'),
        'when.refs is empty, so the condition never holds',
      ],
    ]),
  )('is given $claim, and the file stands', (one) => expectOneFinding(one, 'warning'));
});

describe('a text that a program is given', () => {
  it('may have as many bytes as Linux takes', () => {
    const most = 'x'.repeat(131_071);
    const fields = { command: ['sh', '-c', most], env: { BIG: most.slice(4) } };
    const images = { a: { context: 'a', args: { V: most.slice(2) } } };
    const file = { version: 1, images, tasks: { a: { image: { 'in-tree': 'a' }, ...fields } } };

    expect(parseSlipwayYml(JSON.stringify(file)).findings).toEqual([]);
  });
});

describe('many mistakes', () => {
  it('are reported all at once, in the order of the text', () => {
    const { findings, config } = parseSlipwayYml(`version: 2
images:
  base: { contxt: docker/base }
  lint: { context: ../x, parent: bse, args: { N: 24 } }
  a: { context: a, parent: b }
  b: { context: b, parent: a }
defaults: { maxRunTime: 30m, needs: [x] }
tasks:
  compile:
    image: { in-tree: lnt }
    script: [make]
    artifacts:
      public/build.tar: { type: fil, path: build }
      a: { type: file, path: /a }
      a/b: { type: file, path: /a }
  unit:
    dependencies: [compil, unit]
    inputs: { /in: { task: compile, artifact: public/buil.tar } }
  unit: { image: debian, dependencies: [t2] }
  t2: { image: debian, dependencies: [unit], maxRunTime: [], cache: { a: b } }
  bad label: { image: debian }
`);

    expect(findings.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      '1:10 version must be the number 1, which is all that this Slipway reads, not the number 2',
      '3:3 image "base" has no "context"',
      '3:11 unknown field "contxt" in image "base"',
      '4:20 context "../x" has a segment ".."',
      '4:34 unknown parent image "bse"',
      '4:50 args.N must be a text, not the number 24',
      "5:28 images are each other's parents: a → b → a",
      '7:25 "30m" is no duration',
      '7:30 unknown field "needs" in "defaults"',
      '10:23 unknown in-tree image "lnt"',
      '11:5 unknown field "script" in task "compile"',
      '13:33 artifacts.public/build.tar.type must be one of file, directory, volume, not the text "fil"',
      '13:44 artifacts.public/build.tar.path must be an absolute path in the container, not "build"',
      '15:7 artifact names "a" and "a/b" clash: one would be the directory of the other',
      '19:3 duplicate key "unit"',
      '19:41 tasks wait for each other: unit → t2 → unit',
      `20:58 maxRunTime must be ${DURATION}, not a list`,
      '20:74 cache.a must be an absolute path in the container, not "b"',
      '21:3 "bad label" is no label for a task',
    ]);
    expect(config).toBeUndefined();
  });

  it('inside defaults are reported once, at their place', () => {
    const { findings } = parseSlipwayYml(`version: 1
defaults:
  maxRunTime: soon
  dependencies: [x]
  inputs: { /in: { task: c, artifact: y } }
  env: { A: 1 }
tasks:
  a: { image: debian }
  b: { image: debian }
  c: { image: debian, dependencies: [], inputs: {} }
`);

    expect(findings.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      '3:15 "soon" is no duration',
      '4:18 unknown task "x"',
      '5:26 task "c" is not among the dependencies of the task that takes its artifact',
      '5:39 task "c" does not declare an artifact "y"',
      '6:13 env.A must be a text, not the number 1',
    ]);
  });

  it('may be that defaults under all tasks are too much', () => {
    const env = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`V${at}`, 'x']));
    const tasks = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, at) => [`t${at}`, { image: 'debian' }]),
    );

    const { findings, config } = parseSlipwayYml(JSON.stringify({ version: 1, defaults: { env }, tasks }));

    expect(config).toBeUndefined();
    expect(findings).toEqual([
      {
        severity: 'error',
        file: 'slipway.yml',
        line: 1,
        column: 14,
        message: 'defaults under 1000 tasks come to more than 2000000 values',
        hint: 'leave to the tasks what not all of them need',
      },
    ]);
  });

  it('may be that defaults under all tasks are too long', () => {
    const env = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`V${at}`, 'x'.repeat(1_000)]));
    const tasks = (count: number): object =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`t${at}`, { image: 'debian' }]));

    const { findings, config } = parseSlipwayYml(
      JSON.stringify({ version: 1, defaults: { env }, tasks: tasks(10_000) }),
    );

    expect(config).toBeUndefined();
    expect(findings).toEqual([
      {
        severity: 'error',
        file: 'slipway.yml',
        line: 1,
        column: 14,
        message: 'defaults under 10000 tasks come to more than 64000000 characters',
        hint: 'leave to the tasks what not all of them need',
      },
    ]);
    const fewer = parseSlipwayYml(JSON.stringify({ version: 1, defaults: { env }, tasks: tasks(1_000) }));
    expect(fewer.findings).toEqual([]);
  });

  it('inside an anchor are reported once, where the anchor is', () => {
    const { findings } = parseSlipwayYml(`version: 1
x-common: &common
  maxRunTime: soon
  kommand: [a]
tasks:
  a: { <<: *common, image: debian }
  b: { <<: [*common], image: debian }
`);

    expect(findings.map(({ line, column, message }) => `${line}:${column} ${message}`)).toEqual([
      '3:15 "soon" is no duration',
      '4:3 unknown field "kommand" in task "a"',
      '4:3 unknown field "kommand" in task "b"',
    ]);
  });
});
