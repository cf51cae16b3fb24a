import { describe, expect, it } from '@jest/globals';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';

function found(fields: string, defaults = '{}'): string[] {
  const text = `version: 1\ndefaults: ${defaults}\ntasks:\n  a:\n    image: debian\n    ${fields}\n`;
  return parseSlipwayYml(text).findings.map(
    ({ severity, message, hint }) => `${severity}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
}

describe('a task with what can never be', () => {
  it.each([
    ['when: {changed: [/src/**]}', 'warning: no changed file begins with "/" (write "src/**")'],
    ['when: {changed: ["!/src/**"]}', 'warning: no changed file begins with "/" (write "!src/**")'],
    [
      'when: {changed: [../src/**]}',
      'warning: no changed file begins with "../" (write a path from the root of the tree)',
    ],
    ['when: {changed: [docs/]}', 'warning: no changed file ends with "/" (write "docs/**")'],
    [
      'artifacts: {a: {type: file, path: "/out/*.tar"}}',
      'warning: the path "/out/*.tar" is no glob: "*" stands for itself (name one file, or make it a directory, which holds many)',
    ],
    [
      'onExitStatus: {retry: [0]}',
      'warning: exit code 0 is success, after which a task is not run again (leave it out)',
    ],
    ['onExitStatus: {retry: [256]}', 'warning: no command ends with exit code 256 (they are 0 to 255)'],
    ['onExitStatus: {purgeCaches: [-1]}', 'warning: no command ends with exit code -1 (they are 0 to 255)'],
    [
      'maxRunTime: 2 hours\n    deadline: 1 hour',
      'warning: the deadline is before maxRunTime is over (it counts from the push on: make it longer than maxRunTime)',
    ],
    [
      'maxRunTime: 2 days',
      'warning: maxRunTime is longer than the deadline, which is one day (write "deadline" too: it counts from the push on)',
    ],
    [
      'env: {TASK_ID: x}',
      'warning: "TASK_ID" is set by the worker, whatever stands here (choose another name)',
    ],
    [
      'secrets: {A: {env: SLIPWAY_REF}}',
      'warning: "SLIPWAY_REF" is set by the worker, whatever stands here (choose another name)',
    ],
    [
      'secrets: {A: {env: true}, B: {env: A}}',
      'error: secrets "A" and "B" are put into one variable, "A" (give each a variable of its own)',
    ],
    [
      'env: {A: x}\n    secrets: {A: {env: true}}',
      'error: the variable "A" is in "env" too (secret "A" would take its place: leave one of them out)',
    ],
  ])('is found: %s', (fields, message) => expect(found(fields)).toEqual([message]));

  it('has a default of env that a secret takes the place of, which may be meant', () => {
    expect(found('secrets: {A: {env: true}}', '{env: {A: x}}')).toEqual([
      'warning: the variable "A" is in "env" too (secret "A" would take its place: leave one of them out)',
    ]);
  });

  it.each([
    'when: {changed: ["docs/**", "./a", "a/..b"], refs: [refs/heads/main, "refs/tags/*"]}',
    'onExitStatus: {retry: [1, 255], purgeCaches: [0]}',
    'deadline: 30 minutes',
    'maxRunTime: 1 day',
    'maxRunTime: soon',
    'maxRunTime: 2 hours\n    deadline: 2 hours',
    'env: {TASK_IDS: x, SLIPWAY_OWN: y}',
    'secrets: {A: {env: B}, B: {}}\n    env: {A: x}',
  ])('is not: %s', (fields) =>
    expect(found(fields).filter((line) => !line.includes('is no duration'))).toEqual([]),
  );
});

describe('an input that may be missing', () => {
  const MAKES =
    'artifacts: {public/a: {type: file, path: /a}, public/b: {type: directory, path: /b, optional: true}}';
  const foundIn = (input: string, rest = ''): string[] =>
    found(`${MAKES}\n  b: {image: debian, dependencies: [a], inputs: {/in: {task: a, ${input}}}${rest}}`);

  it.each([
    ['artifact: public/b', '', '"public/b" of task "a" is optional there and not here'],
    ['artifact: public/b/c', '', '"public/b/c" of task "a" is optional there and not here'],
    [
      'artifact: public/a',
      ', requires: all-resolved',
      '"public/a" of task "a" may be missing where that has not completed',
    ],
  ])('is found: {%s}%s', (input, rest, what) =>
    expect(foundIn(input, rest)).toEqual([
      `warning: ${what}: without it this task ends as resource-unavailable (write "optional: true" beside it: then nothing is put where it is missing)`,
    ]),
  );

  it.each([
    ['public/c.tar', '', '"public/c.tar" of task "a" is optional there and not here'],
    [
      'public/a.tar',
      ', requires: all-resolved',
      '"public/a.tar" of task "a" may be missing where that has not completed',
    ],
  ])('is found where it is the image of a task: %s%s', (path, rest, what) => {
    const makes =
      'artifacts: {public/a.tar: {type: file, path: /a}, public/c.tar: {type: file, path: /c, optional: true}}';
    const image = `{type: task-image, taskId: {task-reference: a}, path: ${path}}`;
    const fields = `${makes}\n  b: {image: ${image}, dependencies: [a]${rest}}`;

    expect(found(fields)).toEqual([`warning: ${what}: without it this task ends as resource-unavailable`]);
  });

  it.each([
    ['artifact: public/a', ''],
    ['artifact: public/b, optional: true', ''],
    ['artifact: public/a, optional: true', ', requires: all-resolved'],
    ['artifact: public/logs/live.log', ', requires: all-resolved'],
  ])('is not: {%s}%s', (input, rest) => expect(foundIn(input, rest)).toEqual([]));
});

describe('a command of several lines', () => {
  const GOES_ON =
    'warning: sh goes on after a line that fails: only the last one decides (begin with a line "set -e", or join the lines by "&&")';
  const foundIn = (command: string): string[] => found(`command: ${JSON.stringify(command)}`);

  it.each([
    'npm ci\nnpm test\n',
    '#!/bin/sh -e\nnpm ci\nnpm test',
    '# Don\'t stop.\ncd sub\nmake "a b" ${X}\necho done',
    'make >log 2>&1\r\nmake test',
    'make | tee log\nmake test',
    "make 'a b' \\\n  c\nmake test",
    '[ -f x ] && rm x\nmake\nmake test',
  ])('that goes on after a failure is found: %j', (command) => expect(foundIn(command)).toEqual([GOES_ON]));

  it.each([
    'npm ci\n',
    'set -e\nnpm ci\nnpm test',
    'set -o pipefail -e\nnpm ci\nnpm test',
    'set -o errexit\nnpm ci\nnpm test',
    'npm ci &&\nnpm test',
    'npm ci && \\\n npm test',
    'npm test |\n tee log',
    'npm test \\\n --all',
    'export CI=1\nA=1 B=2\n# All of them.\nnpm test\n',
    'echo "Begins"\nexec npm test',
    'cat <<EOF\na\nb\nEOF',
    'if a\nthen b\nfi\nc\nd',
    'for page in a b; do\n lint $page\ndone',
    "python3 -c '\nimport a\nprint(a)\n'",
    'npm ci || exit 1\nnpm test',
    'check() {\n a\n}\ncheck',
    'npm test\nexit 0',
    'serve &\nnpm test',
    'sh -e ci/one\nsh -e ci/two',
  ])('that does not, or that nobody can tell of, is not: %j', (command) =>
    expect(foundIn(command)).toEqual([]),
  );

  it('is found where it stands, in defaults too', () => {
    const text = 'version: 1\ndefaults:\n  command: |\n    a\n    b\ntasks: {a: {image: a}, b: {image: b}}\n';

    expect(parseSlipwayYml(text).findings).toMatchObject([{ severity: 'warning', line: 3 }]);
  });

  it.each(['"""', 'sh ', '$(', '"\\"', 'a= ', "' ", '&& ', '(  '])(
    'costs little to read, however often %j is in it',
    (part) => {
      const text = part.repeat(Math.floor(120_000 / part.length));
      expect(foundIn(`${text}\nb\nc`).every((line) => line === GOES_ON)).toBe(true);
    },
  );
});

describe('a command whose program has a blank in its name', () => {
  it.each([
    [
      '[npm ci, npm test]',
      '"npm ci" would be the name of one program (a list is a program and its arguments, each word by itself; commands are one text: "npm ci && npm test")',
    ],
    [
      '[npm run, test]',
      '"npm run" would be the name of one program (a list is a program and its arguments, each word by itself; commands are one text: "npm run")',
    ],
  ])('is found: %s', (command, message) =>
    expect(found(`command: ${command}`)).toEqual([`warning: ${message}`]),
  );

  it.each(['[sh, -c, "npm ci && npm test"]', '[" a"]', '[./a, b c]', 'npm ci'])('is not: %s', (command) =>
    expect(found(`command: ${command}`)).toEqual([]),
  );
});

describe('the platform of an image', () => {
  const findings = (platform: string): readonly { readonly message: string }[] =>
    parseSlipwayYml(`version: 1\nimages: {a: {context: a, platform: ${platform}}}\n`).findings;

  it.each(['linux/amd64', 'linux/arm64/v8', 'linux/arm/v7'])('may be %s', (platform) =>
    expect(findings(platform)).toEqual([]),
  );

  it.each(['amd64', 'linux/', 'linux/amd64/v1/x', '"linux amd64"', '""'])('may not be %s', (platform) =>
    expect(findings(platform).map(({ message }) => message)).toEqual([
      `platform must be os/arch or os/arch/variant, such as linux/arm64, not "${platform.replaceAll('"', '')}"`,
    ]),
  );
});
