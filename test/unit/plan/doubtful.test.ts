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
