import { describe, expect, it } from '@jest/globals';
import type { Finding } from '../../../model/findings.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import type { ParsedSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { readYaml } from '../../../plan/read-yaml.ts';
import { selectTasks } from '../../../plan/select-tasks.ts';

const PRINTED = 'decision/public/tasks.json';
const FILE = `version: 1
images:
  tools: { context: docker/tools }
defaults:
  maxRunTime: 60
  env: { CI: "1" }
  when: { changed: [nothing] }
  artifacts: { public/log: { type: file, path: /log } }
decision: { image: { in-tree: tools }, command: [./decide] }
tasks:
  static: { image: debian, when: {} }
  summary: { image: debian, dependencies: [printed], when: {} }
`;

const printed = (value: unknown, file = FILE): ParsedSlipwayYml =>
  parseSlipwayYml(file, {
    printed: { text: typeof value === 'string' ? value : JSON.stringify(value, null, 2), file: PRINTED },
  });
const lines = (findings: readonly Finding[]): string[] =>
  findings.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`);

describe('a decision program', () => {
  it('is a task whose output is an artifact, with what of `defaults` says how a task is run', () => {
    const { config, findings } = parseSlipwayYml(FILE);

    expect(findings).toEqual([]);
    expect(config?.decides).toBe(true);
    expect(config?.tasks['decision']).toMatchObject({
      label: 'decision',
      image: { type: 'in-tree', name: 'tools' },
      command: ['./decide'],
      env: { CI: '1' },
      maxRunTimeSeconds: 60,
      artifacts: {},
      when: {},
      stdout: 'public/tasks.json',
    });
  });

  it('runs as `defaults` have it: its user, its network and its checkout too', () => {
    const defaults = '{ network: none, user: 1000, checkout: { git: true }, resources: { pids: 9 } }';
    const { config, findings } = parseSlipwayYml(
      `version: 1\ndefaults: ${defaults}\ndecision: { image: debian, command: x }\n`,
    );

    expect(findings).toEqual([]);
    expect(config?.tasks['decision']).toMatchObject({
      network: 'none',
      user: '1000',
      checkout: '/src',
      checkoutGit: { depth: 1 },
      resources: { pids: 9 },
    });
  });

  it('has what says how it is run for itself, before `defaults` and without a change of them', () => {
    const own =
      '{ image: debian, command: x, checkout: { git: true, depth: 9 }, env: { A: own, B: b }, user: 1 }';
    const { config, findings } = parseSlipwayYml(
      `version: 1\ndefaults: { env: { A: a }, checkout: false }\ndecision: ${own}\ntasks: { other: { image: debian } }\n`,
    );

    expect(findings).toEqual([]);
    expect(config?.tasks['decision']).toMatchObject({
      checkout: '/src',
      checkoutGit: { depth: 9 },
      env: { A: 'own', B: 'b' },
      user: '1',
    });
    expect(config?.tasks['other']).toMatchObject({ checkout: null, env: { A: 'a' } });
  });

  it('is checked as every task is, where it stands', () => {
    const { findings } = parseSlipwayYml(
      'version: 1\ndecision:\n  image: { in-tree: nowhere }\n  command: []\n  routes: []\n  env:\n  checkout: src\n',
    );

    expect(lines(findings)).toEqual([
      'slipway.yml:3:21 unknown in-tree image "nowhere"',
      'slipway.yml:4:12 command is empty',
      'slipway.yml:5:3 unknown field "routes" in "decision"',
      'slipway.yml:6:3 decision.env must be a map, not nothing',
      'slipway.yml:7:13 decision.checkout must be an absolute path in the container, not "src"',
    ]);
  });

  it('keeps its label to itself', () => {
    const { findings } = parseSlipwayYml(`${FILE}  decision: { image: debian }\n`);

    expect(lines(findings)).toEqual([
      'slipway.yml:13:3 "decision" is the label of the decision program itself',
    ]);
  });

  it('leaves that label to a task where there is none', () => {
    expect(parseSlipwayYml('version: 1\ntasks: { decision: { image: debian } }').findings).toEqual([]);
  });

  it('is wanted whatever was selected, and a pattern may mean what it will print', () => {
    const { config } = parseSlipwayYml(FILE);
    if (!config) throw new Error('no config');

    const { tasks, findings } = selectTasks(config, {
      tasks: ['printed/*'],
      ref: 'main',
      level: 1,
      isOpen: true,
    });

    expect(tasks.map(({ label, why }) => `${label}: ${why}`)).toEqual([
      'decision: the decision program: it prints the other tasks',
    ]);
    expect(findings.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
      'warning no task of the file matches "printed/*"',
    ]);
  });
});

describe('what a decision program printed', () => {
  it('is an artifact that others may take', () => {
    const reading = `${FILE}  reads:\n    image: debian\n    dependencies: [decision]\n    inputs: { /in: { task: decision, artifact: public/tasks.json } }\n`;

    expect(parseSlipwayYml(reading).findings).toEqual([]);
  });

  it('stands beside the tasks of the file, with its defaults, and both may depend on one another', () => {
    const { config, findings } = printed({
      tasks: {
        printed: { image: { 'in-tree': 'tools' }, dependencies: ['static', 'decision'], when: {} },
      },
    });

    expect(findings).toEqual([]);
    expect(Object.keys(config?.tasks ?? {})).toEqual(['static', 'summary', 'printed', 'decision']);
    expect(config?.tasks['printed']).toMatchObject({
      env: { CI: '1' },
      maxRunTimeSeconds: 60,
      dependencies: ['static', 'decision'],
    });
  });

  it('is checked as the file is, each finding with its place in what was printed', () => {
    const { config, findings } = printed({
      tasks: { printed: { image: { 'in-tree': 'tool' }, comand: ['x'], dependencies: ['statics'] } },
    });

    expect(config).toBeUndefined();
    expect(lines(findings)).toEqual([
      `${PRINTED}:5:20 unknown in-tree image "tool"`,
      `${PRINTED}:7:7 unknown field "comand" in task "printed"`,
      `${PRINTED}:11:9 unknown task "statics"`,
    ]);
  });

  it('is told what it prints too much, whatever that is called', () => {
    const { findings } = printed({ tasks: {}, constructor: 1 });

    expect(findings.find(({ message }) => message.includes('"constructor"'))?.hint).toContain(
      'print one JSON map',
    );
  });

  it('must have every task that the file waits for', () => {
    const { findings } = printed({ tasks: {} });

    expect(lines(findings)).toEqual(['slipway.yml:12:44 unknown task "printed"']);
  });

  it.each([
    ['nothing', '', `${PRINTED}:1:1 the file is empty`],
    ['no map', '"hello"', `${PRINTED}:1:1 the decision program printed no map`],
    ['no tasks', '{}', `${PRINTED}:1:1 the decision program printed no map of "tasks"`],
    ['words among it', 'Deciding…\n{"tasks": {}}', `${PRINTED}:1:1 not YAML: `],
    [
      'images',
      '{"tasks": {"printed": {"image": "a"}},\n "images": {}}',
      `${PRINTED}:2:2 a decision program prints no "images"`,
    ],
    [
      'a label of the file',
      '{"tasks": {"printed": {"image": "a"},\n "static": {"image": "a"}}}',
      `${PRINTED}:2:2 task "static" stands in slipway.yml too`,
    ],
    [
      'its own label',
      '{"tasks": {"printed": {"image": "a"},\n "decision": {"image": "a"}}}',
      `${PRINTED}:2:2 "decision" is the label of the decision program itself`,
    ],
    [
      'a label twice',
      '{"tasks": {"printed": {"image": "a"},\n "printed": {"image": "b"}}}',
      `${PRINTED}:2:2 duplicate key "printed"`,
    ],
  ])('is refused with %s', (_what, text, expected) => {
    const { config, findings } = printed(text);

    expect(config).toBeUndefined();
    expect(lines(findings).filter((line) => line.startsWith(expected))).toHaveLength(1);
  });

  it('is missed with what it would be at least', () => {
    const { findings } = printed('');

    expect(findings).toMatchObject([{ hint: 'write at least {"tasks": {}}' }]);
  });

  it('may be 10,000 tasks, read within seconds, and no more', () => {
    const tasks = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, i) => [
        `suite/part-${i}`,
        {
          image: { 'in-tree': 'tools' },
          command: ['run', String(i)],
          dependencies: i < 9 ? [] : [`suite/part-${i - 9}`],
        },
      ]),
    );

    const good = printed(
      { tasks: { ...tasks, 'suite/part-0': { image: 'a' } } },
      FILE.replace('[printed]', '[]'),
    );
    const tooMany = printed({ tasks: { ...tasks, printed: { image: 'a' } } });

    expect(good.findings).toEqual([]);
    expect(Object.keys(good.config?.tasks ?? {})).toHaveLength(10_003);
    expect(lines(tooMany.findings)).toEqual([`${PRINTED}:2:3 the decision program printed 10001 tasks`]);
  });

  it('may have a million dependencies in all, and no more', () => {
    const builds = Array.from({ length: 1_000 }, (_, i) => `b${i}`);
    const tests = Array.from({ length: 1_000 }, (_, i) => [`t${i}`, { image: 'a', dependencies: builds }]);
    const last = ['last', { image: 'a', dependencies: ['t0', ...builds] }];
    const tasks = Object.fromEntries([...builds.map((label) => [label, { image: 'a' }]), ...tests, last]);

    const { findings } = printed(JSON.stringify({ tasks }), FILE.replace('[printed]', '[]'));

    expect(findings).toEqual([
      expect.objectContaining({
        severity: 'error',
        file: PRINTED,
        message: 'the tasks have 1001001 dependencies in all',
        hint: expect.stringMatching(/^at most 1000000: /),
      }),
    ]);
  });
});

describe('a text that is JSON', () => {
  it.each([
    ['escapes and numbers', String.raw`{"a": "\"\\é\n", "b": [1, -2.5e3, true, null], "c/d": {"": {}}}`],
    ['a colon after a text in a text', '{"a": "\\"b\\": c", "d": ["e", ":"]}'],
    ['a merge key', '{"a": {"<<": {"b": 1}, "c": 2}}'],
    ['a key of every object', '{"a": {"constructor": 1}}'],
  ])('says the same as if it were read as YAML: %s', (_what, text) => {
    // A comment makes it YAML only.
    expect(readYaml(text, 'f').value).toEqual(readYaml(`${text} # YAML`, 'f').value);
  });

  it.each([
    ['equal keys', '{"a": {"b": 1,\n "b": 2}}'],
    ['the key __proto__', '{"a": 1,\n "__proto__": 2}'],
  ])('is refused in the same words: %s', (_what, text) => {
    const findings = readYaml(text, 'f').findings;

    expect(findings).toHaveLength(1);
    expect(findings).toEqual(readYaml(`${text} # YAML`, 'f').findings);
  });
});
