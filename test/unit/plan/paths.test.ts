import { describe, expect, it } from '@jest/globals';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';

const MAKER = `
  b:
    image: debian
    artifacts:
      f: { type: file, path: /f }
      d: { type: directory, path: /d }
      x.tar: { type: file, path: /x.tar }
      dd: { type: directory, path: /dd }`;

function found(fields: string): string[] {
  const text = `version: 1\ntasks:\n  a:\n    image: debian\n    dependencies: [b]\n    ${fields}${MAKER}\n`;
  return parseSlipwayYml(text).findings.map(
    ({ severity, line, message }) => `${severity} ${line}: ${message}`,
  );
}

const inputs = (...all: [path: string, artifact: string][]): string =>
  `inputs: {${all.map(([path, artifact]) => `${path}: {task: b, artifact: ${artifact}}`).join(', ')}}`;

describe('inputs', () => {
  it.each([
    [inputs(['/proc/x', 'f']), 'error 6: the input "/proc/x" would be hidden by /proc'],
    [inputs(['/dev/shm/x', 'f']), 'error 6: the input "/dev/shm/x" would be hidden by /dev'],
    [inputs(['/sys', 'd']), 'error 6: the input "/sys" would be hidden by /sys'],
    [inputs(['/run/secrets', 'f']), 'error 6: the input "/run/secrets" would be in place of /run/secrets'],
    [
      `secrets: [KEY]\n    ${inputs(['/run/secrets/KEY', 'f'])}`,
      'error 7: the input "/run/secrets/KEY" has the path of secret "KEY"',
    ],
    [
      inputs(['/run/secrets/KEY', 'f']),
      'warning 6: the input "/run/secrets/KEY" is among the secrets, where everything is emptied when the task ends',
    ],
    [inputs(['/in', 'f'], ['/in/y', 'f']), 'error 6: the input "/in/y" is below "/in", which is a file'],
    [inputs(['/in/y', 'f'], ['/in', 'x.tar']), 'error 6: the input "/in/y" is below "/in", which is a file'],
    [
      inputs(['/in', 'd/sub'], ['/in/y', 'f']),
      'warning 6: the input "/in/y" is below "/in", which may be a file',
    ],
    [inputs(['/src', 'f']), 'error 6: the checkout "/src" is below "/src", which is a file'],
    [
      `checkout: /w/src\n    ${inputs(['/w', 'f'])}`,
      'error 7: the checkout "/w/src" is below "/w", which is a file',
    ],
    [inputs(['/src', 'd/sub']), 'warning 6: the checkout "/src" is below "/src", which may be a file'],
    [
      `cache: {c: /c}\n    ${inputs(['/c/x', 'f'])}`,
      'warning 7: the input "/c/x" is in cache "c", and stays in it for later runs',
    ],
    [
      `cache: {c: /in/c}\n    ${inputs(['/in', 'f'])}`,
      'error 7: cache "c" "/in/c" is below "/in", which is a file',
    ],
    [
      `artifacts: {v: {type: volume, path: /v}}\n    ${inputs(['/v/x', 'f'])}`,
      'warning 7: the input "/v/x" is in volume "v", and is kept with it',
    ],
    [inputs(['/in', 'd/../../z']), 'error 6: the artifact "d/../../z" has a segment "." or ".."'],
    [inputs(['/in', 'd/']), 'error 6: the artifact "d/" has an empty segment'],
  ])('are found: %s', (fields, message) => expect(found(fields)).toEqual([message]));

  it.each([
    inputs(['/in', 'd'], ['/in/y', 'f'], ['/inn', 'f']),
    inputs(['/src/f', 'f'], ['/src', 'd']),
    `checkout: false\n    ${inputs(['/src', 'f'])}`,
    inputs(['/in', 'public/logs/live.log']),
    inputs(['/run/x', 'f'], ['/device/x', 'f'], ['/in/public', 'dd/a/b']),
    `cache: {c: /in/c}\n    ${inputs(['/in', 'd'])}`,
  ])('are accepted: %s', (fields) => expect(found(fields)).toEqual([]));

  it('of a route may be a file or not', () => {
    expect(found('inputs: {/in: {namespace: a.b, artifact: x}, /in/y: {task: b, artifact: f}}')).toEqual([
      'warning 6: the input "/in/y" is below "/in", which may be a file',
    ]);
  });
});

describe('the checkout', () => {
  it.each([
    ['checkout: /proc/x', 'error 6: the checkout "/proc/x" would be hidden by /proc'],
    ['checkout: /run/secrets/x', 'error 6: the checkout "/run/secrets/x" would be among the secrets'],
    ['checkout: /a/../b', 'error 6: checkout "/a/../b" has a segment ".."'],
    ['checkout: /', 'warning 6: the checkout at "/" lies among the files of the image'],
    ['checkout: {path: /proc/x}', 'error 6: the checkout "/proc/x" would be hidden by /proc'],
    ['checkout: {git: true, path: /}', 'error 6: git refuses a checkout at "/", which is root\'s'],
    ['checkout: {depth: 3}', 'error 6: the checkout has a depth, and no history'],
    ['checkout: {git: false, depth: 3}', 'error 6: the checkout has a depth, and no history'],
    [
      'checkout: {path: /w/src}\n    cache: {a: /w}',
      'error 7: cache "a" at "/w" would have the checkout in it',
    ],
    [
      `checkout: {git: true}\n    ${inputs(['/src', 'f'])}`,
      'error 7: the checkout "/src" is below "/src", which is a file',
    ],
  ])('is found: %s', (fields, message) => expect(found(fields)).toEqual([message]));

  it.each([
    'checkout: /w/src/',
    'checkout: /run/src',
    'checkout: false',
    'checkout: /home/a/..b',
    'checkout: {}',
    'checkout: {git: true}',
    'checkout: {path: /w/src, git: true, depth: 50}',
  ])('is accepted: %s', (fields) => expect(found(fields)).toEqual([]));

  it.each([
    ['{git: true}', { checkout: '/src', checkoutGit: { depth: 1 } }],
    ['{path: /w, git: true, depth: 50}', { checkout: '/w', checkoutGit: { depth: 50 } }],
    ['{path: /w}', { checkout: '/w', checkoutGit: undefined }],
    ['false', { checkout: null, checkoutGit: undefined }],
  ])('of %s is at one place, with a .git or without', (checkout, expected) => {
    const { config } = parseSlipwayYml(`version: 1\ntasks: {a: {image: debian, checkout: ${checkout}}}\n`);

    const { checkout: path, checkoutGit } = config!.tasks['a']!;
    expect({ checkout: path, checkoutGit }).toEqual(expected);
  });
});

describe('the image of another task', () => {
  it('has a name of an artifact as its path', () => {
    const image = '{type: task-image, taskId: {task-reference: b}, path: d/../../z.tar}';
    const text = `version: 1\ntasks:\n  a: {dependencies: [b], image: ${image}}${MAKER}\n`;

    expect(parseSlipwayYml(text).findings.map(({ message }) => message)).toEqual([
      'the artifact "d/../../z.tar" has a segment "." or ".."',
    ]);
  });
});
