import { describe, expect, it } from '@jest/globals';
import { LONGEST_SECONDS } from '../../../../model/pure/duration.ts';
import { parseSlipwayYml } from '../../../../plan/parse-slipway-yml.ts';
import type { ParsedSlipwayYml } from '../../../../plan/parse-slipway-yml.ts';
import { selectTasks } from '../../../../plan/select-tasks.ts';

type Json = Readonly<Record<string, unknown>>;

interface TaskOf {
  readonly payload?: Json;
  readonly task?: Json;
  readonly entry?: Json;
}

const aTask = (label: string, { payload = {}, task = {}, entry = {} }: TaskOf = {}): Json => ({
  kind: 'test',
  label,
  attributes: {},
  dependencies: {},
  ...entry,
  task: {
    provisionerId: 'example-1',
    workerType: 'linux',
    payload: { image: 'debian', command: ['true'], maxRunTime: 60, ...payload },
    ...task,
  },
});
const anImage = (name: string, { payload, ...rest }: TaskOf = {}): Json => ({
  ...aTask(`docker-image-${name}`, { payload: { env: { IMAGE_NAME: name }, ...payload }, ...rest }),
  kind: 'docker-image',
});
const inImage = {
  entry: { dependencies: { 'docker-image': 'docker-image-tools' } },
  payload: {
    image: {
      type: 'task-image',
      taskId: { 'task-reference': '<docker-image>' },
      path: 'public/image.tar.zst',
    },
  },
};

const graph = (entries: readonly Json[], file = 'version: 1\n'): ParsedSlipwayYml =>
  parseSlipwayYml(file, {
    printed: {
      text: JSON.stringify(Object.fromEntries(entries.map((entry) => [entry['label'], entry])), null, 1),
      file: 'graph.json',
    },
  });

/** Warnings that every graph of this file has are left out. */
const warnings = ({ findings }: ParsedSlipwayYml): string[] =>
  findings
    .filter(({ message }) => !/workerType count for nothing|with tools of Taskcluster/.test(message))
    .map(({ severity, message, hint }) => `${severity}: ${message}; ${hint}`);

describe('a graph of taskgraph', () => {
  it.each<readonly [string, TaskOf, string]>([
    ['a scope', { task: { scopes: ['a:b'] } }, 'scopes count for nothing; what a task may do stands'],
    [
      'a secret',
      { task: { scopes: ['secrets:get:x'] } },
      'the secret "x" is not given by a scope; name it in "secrets"',
    ],
    [
      'a route elsewhere',
      { task: { routes: ['notify.irc.x'] } },
      'routes "notify" lead nowhere; whoever follows',
    ],
    [
      'a strange namespace',
      { task: { routes: ['index.a b'] } },
      '"a b" is no namespace here; the task is not found under it',
    ],
    ['a field of the queue', { task: { newField: 1 } }, 'task.newField is unknown; it counts for nothing'],
    ['a member of the entry', { entry: { newMember: 1 } }, '"newMember" is unknown; it counts for nothing'],
    [
      'tasks of other groups',
      { task: { dependencies: ['abc'] } },
      'tasks outside this graph are not waited for; dependencies are labels of it',
    ],
    [
      'if_dependencies',
      { entry: { if_dependencies: ['x'] } },
      'if_dependencies count for nothing; the task runs whether or not one of them does',
    ],
    [
      'an optimization',
      { entry: { optimization: { 'skip-unless-backstop': null } } },
      'the optimization "skip-unless-backstop" is not carried out; the task runs, also where',
    ],
    [
      'a feature',
      { payload: { features: { dockerSave: true } } },
      'feature "dockerSave" is not carried out; the task',
    ],
    [
      'the proxy',
      { payload: { features: { taskclusterProxy: true } } },
      'feature "taskclusterProxy" is not carried out; there is no Taskcluster',
    ],
    [
      'a privileged container',
      { payload: { capabilities: { privileged: true } } },
      'capability "privileged" is not given; the task runs without it',
    ],
    [
      'a device',
      { payload: { capabilities: { devices: { loopbackAudio: true } } } },
      'device "loopbackAudio" is not given; the task runs without it',
    ],
    [
      'shared memory',
      { payload: { capabilities: { devices: { hostSharedMemory: true } } } },
      'device "hostSharedMemory" is not given; the task has shared memory of its own',
    ],
    [
      'a superseder',
      { payload: { supersederUrl: 'x' } },
      'payload.supersederUrl is not carried out; newer pushes',
    ],
    ['a name of the log', { payload: { log: 'x' } }, 'payload.log is not carried out; the log is always'],
    [
      'a field of the payload',
      { payload: { newField: 1 } },
      'payload.newField is not carried out; it counts for',
    ],
    [
      'a member of onExitStatus',
      { payload: { onExitStatus: { reboot: [1] } } },
      'payload.onExitStatus.reboot is not carried out; it counts for nothing',
    ],
    [
      'an unknown edge',
      { payload: { env: { A: { 'task-reference': 'a <gone>' } } } },
      '"<gone>" refers to no task that runs here; it stays as it is written',
    ],
    [
      'an artifact of the decision task',
      { payload: { command: [{ 'artifact-reference': '<decision/public/x>' }] } },
      '"<decision/public/x>" refers to no task that runs here; it stays as it is written',
    ],
    [
      'a fetch from nowhere',
      { payload: { env: { MOZ_FETCHES: '[{"artifact": "public/x", "task": "<gone>", "extract": false}]' } } },
      'a fetch from <gone> is not carried out; what it would fetch is missing',
    ],
    [
      'fetches that are none',
      { payload: { env: { MOZ_FETCHES: 'x' } } },
      'MOZ_FETCHES is no JSON list; it stays as it is written',
    ],
    [
      'a fetch of nothing',
      { payload: { env: { MOZ_FETCHES: '[3]' } } },
      'a member of MOZ_FETCHES names no artifact of a task; it is not brought in',
    ],
    [
      'a checkout by run-task',
      { payload: { command: ['run-task', '--ci-checkout=/x', '--', 'true'] } },
      'run-task fetches the repository by itself; the address',
    ],
    [
      'a route of an image',
      { payload: { image: { type: 'indexed-image', namespace: 'a.b', path: 'public/image.tar' } } },
      'namespaces of indexed images are not those of Taskcluster’s index; they are looked up',
    ],
  ])('has a warning for %s', (_what, task, expected) => {
    const found = warnings(graph([aTask('a', task)]));

    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`warning: task "a": ${expected}`);
  });

  it.each<readonly [string, TaskOf]>([
    ['rights that can be granted', { payload: { features: { allowPtrace: true, dind: true } } }],
    [
      'what is named with false',
      { payload: { features: { chainOfTrust: false }, capabilities: { privileged: false } } },
    ],
    ['a container that is kept', { payload: { features: { interactive: 'onFailure' } } }],
    ['what describes it', { task: { metadata: {}, tags: {}, extra: { a: 1 }, schedulerId: 'x' } }],
  ])('has none for %s', (_what, task) => {
    expect(warnings(graph([aTask('a', task)]))).toEqual([]);
  });

  it('asks for rights by their names', () => {
    const { config } = graph([
      aTask('a', {
        payload: {
          features: { allowPtrace: true },
          capabilities: { disableSeccomp: true, devices: { kvm: true, loopbackVideo: true } },
        },
      }),
      aTask('without', { payload: { capabilities: { devices: { kvm: false } } } }),
    ]);

    expect(config?.tasks['a']?.rights).toEqual(['allowPtrace', 'disableSeccomp', 'kvm']);
    expect(config?.tasks['without']?.rights).toBeUndefined();
  });

  it('has the checks of every graph, each with its place in what was printed', () => {
    const { findings } = graph([
      aTask('a', {
        payload: { env: { A: 1 }, artifacts: { 'public/x': { type: 'fil', path: '/x' } }, image: 'NO' },
        task: { priority: 'urgent', routes: ['index.a', 'index.a'] },
      }),
    ]);
    const errors = findings.filter(({ message }) => !message.includes('count for nothing'));

    expect(errors.map(({ file, line, message }) => `${file}:${line} ${message.slice(0, 33)}`)).toEqual([
      'graph.json:11 "NO" is no name of an image',
      'graph.json:17 env.A must be a text, not the num',
      'graph.json:21 artifacts.public/x.type must be o',
      'graph.json:26 priority must be one of highest, ',
      'graph.json:28 route "a" is named twice',
    ]);
  });

  it('is warned of by words where its names are those that every object has', () => {
    const rights = { features: { constructor: 1 }, capabilities: { devices: { toString: 1 } } };
    const { findings } = graph([aTask('a', { payload: { ...rights, valueOf: 1 } })]);

    expect(findings.filter(({ hint }) => typeof hint !== 'string')).toEqual([]);
  });

  it('is told from what is none beside it', () => {
    const { findings } = parseSlipwayYml('version: 1\n', {
      printed: { text: JSON.stringify({ a: aTask('a'), b: 3 }), file: 'graph.json' },
    });

    expect(findings.filter(({ severity }) => severity === 'error').map(({ message }) => message)).toEqual([
      '"b" is no task as taskgraph prints it',
    ]);
  });

  it('is not seen in a graph of ours whose labels are its words', () => {
    const tasks = { task: { image: 'debian' }, kind: { image: 'debian' }, label: { image: 'debian' } };
    const { config, findings } = parseSlipwayYml('version: 1\n', {
      printed: { text: JSON.stringify({ tasks }), file: 'graph.json' },
    });

    expect(findings).toEqual([]);
    expect(Object.keys(config?.tasks ?? {})).toEqual(['task', 'kind', 'label']);
  });
});

describe('images of taskgraph', () => {
  it('are built when the file has none of that name; its own count, and differences are told', () => {
    const image = anImage('tools', {
      payload: {
        env: { DOCKER_BUILD_ARGS: { 'task-reference': '{"A": "1", "DOCKER_IMAGE_PACKAGES": ""}' } },
      },
    });
    const file = 'version: 1\nimages: { tools: { context: elsewhere, args: { A: "2" } } }\n';

    expect(graph([image]).config?.images).toEqual({
      tools: { context: 'taskcluster/docker/tools', args: { A: '1' } },
    });
    const own = graph([image, aTask('a', inImage)], file);
    expect(own.config?.images).toEqual({ tools: { context: 'elsewhere', args: { A: '2' } } });
    expect(own.config?.tasks['a']?.image).toEqual({ type: 'in-tree', name: 'tools' });
    expect(warnings(own)).toEqual([
      'warning: task "docker-image-tools": args of the image "tools" is another one in slipway.yml; what slipway.yml says counts',
    ]);
    expect(warnings(graph([image], file.replace('"2"', '"1"')))).toEqual([]);
  });

  it('have no packages of tasks, which is told', () => {
    const packages = { env: { DOCKER_BUILD_ARGS: '{"DOCKER_IMAGE_PACKAGES": "<deb>"}' } };

    expect(warnings(graph([anImage('tools', { payload: packages })]))).toEqual([
      expect.stringContaining('its packages (<deb>) are not brought in'),
    ]);
    expect(warnings(graph([anImage('tools', { payload: { env: { DOCKER_BUILD_ARGS: '[' } } })]))).toEqual([
      expect.stringContaining('DOCKER_BUILD_ARGS is no JSON map'),
    ]);
  });

  it('that a task makes as an artifact are taken from that task', () => {
    const { config } = graph([
      aTask('make', { payload: { artifacts: { 'public/image.tar': { type: 'file', path: '/image.tar' } } } }),
      aTask('use', {
        entry: { dependencies: { maker: 'make' } },
        payload: {
          image: { type: 'task-image', taskId: { 'task-reference': '<maker>' }, path: 'public/image.tar' },
        },
      }),
    ]);

    expect(config?.tasks['use']?.image).toMatchObject({ type: 'task-image', label: 'make' });
  });
});

describe('what a task of taskgraph waits for', () => {
  const succeed = { task: { provisionerId: 'built-in', workerType: 'succeed', payload: {} } };
  const windows = {
    task: { payload: { mounts: [] } },
  };

  it('is what a task waits for that does nothing else', () => {
    const { config } = graph([
      aTask('a'),
      aTask('joined', { ...succeed, entry: { dependencies: { a: 'a' } } }),
      aTask('b', { entry: { dependencies: { all: 'joined' } } }),
    ]);

    expect(config?.tasks['b']?.dependencies).toEqual(['a']);
    expect(config?.leftOut?.has('joined')).toBe(true);
  });

  it('takes it along when it cannot run here', () => {
    const { config, findings } = graph([
      aTask('win', windows),
      aTask('joined', { ...succeed, entry: { dependencies: { win: 'win' } } }),
      aTask('b', { entry: { dependencies: { all: 'joined' } } }),
      aTask('soft', { entry: { soft_dependencies: ['win', 'c', 'gone'] } }),
      aTask('c'),
    ]);

    expect(Object.keys(config?.tasks ?? {})).toEqual(['soft', 'c']);
    expect(config?.tasks['soft']?.dependencies).toEqual(['c']);
    expect(Object.fromEntries(config?.leftOut ?? [])).toEqual({
      win: 'its payload is for generic-worker (pool example-1/linux), and tasks run in containers here',
      joined: 'it depends on "win"',
      b: 'it depends on "joined"',
    });
    expect(findings.map(({ message }) => message)).toContain(
      'tasks "joined", "b": not carried out, since it depends on one that is not',
    );
  });
});

describe('skip-unless-changed', () => {
  const isWanted = (pattern: string, changed: string): boolean => {
    const optimization = { 'skip-unless-changed': [pattern] };
    const { config, findings } = graph([aTask('a', { entry: { optimization } })]);
    if (!config) throw new Error(findings.map(({ message }) => message).join());
    return selectTasks(config, { ref: 'main', level: 1, changedFiles: [changed] }).tasks.length > 0;
  };

  it.each([
    ['src/lint', 'src/lint', true],
    ['src/lint', 'src/lint/a/b.py', true],
    ['src/lint', 'src/linter', false],
    ['src/*', 'src/a', true],
    ['src/*', 'src/a/b', true],
    ['src/*', 'src', false],
    ['src/**', 'src', true],
    ['**/*.py', 'a/b.py', true],
    ['**/tests', 'a/tests/b', true],
    ['', 'a/b', true],
    ['{a,b}', 'a', false],
    ['{a,b}', '{a,b}/c', true],
    ['v{1..3}', 'v{1..3}', true],
    ['[ab]?', 'ax', false],
    ['[ab]?', '[ab]?', true],
    ['!a', 'b', false],
    ['!a', '!a/b', true],
    ['app/(group)', 'app/(group)/a', true],
    ['a\\b', 'a\\b', true],
  ])('of %j means for %s what taskgraph means: %s', (pattern, changed, expected) =>
    expect(isWanted(pattern, changed)).toBe(expected),
  );

  it('is as it is written where it says all of that already, and tells mistakes where they stand', () => {
    const optimization = { 'skip-unless-changed': ['src/**', '**', 'a', 3, '/b'] };

    const { findings } = graph([aTask('a', { entry: { optimization } })]);

    const found = findings.filter(({ message }) => /changed/.test(message));
    expect(found.map(({ line, message }) => `${line} ${message}`)).toEqual([
      '12 when.changed[3] must be a text, not the number 3',
      '13 no changed file begins with "/"',
    ]);
    const { config } = graph([
      aTask('a', { entry: { optimization: { 'skip-unless-changed': ['src/**', '**', 'a'] } } }),
    ]);
    expect(config?.tasks['a']?.when.changed).toEqual(['src/**', '**', 'a{,/**}']);
  });
});

describe('a task of taskgraph', () => {
  it('has a checkout only where `defaults` say so', () => {
    const checkout = (file: string): unknown => graph([aTask('a')], file).config?.tasks['a']?.checkout;

    expect(checkout('version: 1\n')).toBeNull();
    expect(checkout('version: 1\ndefaults: { checkout: /builds/src }\n')).toBe('/builds/src');
  });

  it('has durations for dates beside the one of its creation', () => {
    const { config } = graph([
      aTask('a', {
        task: {
          created: '2026-01-01T00:00:00Z',
          deadline: '2026-01-02T00:00:00Z',
          expires: '2026-01-08T00:00:00Z',
        },
        payload: { artifacts: { 'public/a': { type: 'file', path: '/a' } } },
      }),
    ]);

    expect(config?.tasks['a']).toMatchObject({
      deadlineSeconds: 86_400,
      artifacts: { 'public/a': { expiresSeconds: 604_800 } },
    });
  });

  it('keeps an artifact as long as anything can be kept that taskgraph keeps for 1000 years', () => {
    const millennium = { 'relative-datestamp': '1000 years' };
    const file = { type: 'file', path: '/a' };
    const { config, findings } = graph([
      aTask('a', { task: { expires: millennium }, payload: { artifacts: { 'public/a': file } } }),
      aTask('b', { payload: { artifacts: { 'public/b': { ...file, expires: millennium } } } }),
    ]);

    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(config?.tasks).toMatchObject({
      a: { artifacts: { 'public/a': { expiresSeconds: LONGEST_SECONDS } } },
      b: { artifacts: { 'public/b': { expiresSeconds: LONGEST_SECONDS } } },
    });
  });

  it('keeps what is declared within a directory, and of the directory what others take', () => {
    const taking = (artifact: string) =>
      JSON.stringify([{ artifact, dest: 'x', extract: false, task: '<build>' }]);
    const found = graph([
      aTask('build', {
        payload: {
          artifacts: {
            'public/build': { type: 'directory', path: '/builds/artifacts' },
            'public/build/maven': { type: 'directory', path: '/builds/maven' },
            'public/build/a.apk': { type: 'file', path: '/builds/a.apk' },
          },
        },
      }),
      ...['public/build/x.zip', 'public/build/a.apk', 'public/build/maven/one.jar'].map((artifact, at) =>
        aTask(`take-${at}`, {
          entry: { dependencies: { build: 'build' } },
          payload: {
            env: { MOZ_FETCHES: { 'task-reference': taking(artifact) }, MOZ_FETCHES_DIR: '/fetches' },
          },
        }),
      ),
    ]);

    expect(found.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(found.config?.tasks['build']?.artifacts).toMatchObject({
      'public/build/maven': { type: 'directory', path: '/builds/maven' },
      'public/build/a.apk': { type: 'file', path: '/builds/a.apk' },
      'public/build/x.zip': { type: 'file', path: '/builds/artifacts/x.zip' },
    });
    expect(Object.keys(found.config?.tasks['build']?.artifacts ?? {})).toHaveLength(3);
    expect(warnings(found)).toContainEqual(
      expect.stringContaining('a directory "public/build" would have "public/build/maven" in it'),
    );
  });

  it('has caches of every image where their names are of none', () => {
    const { config } = graph([aTask('a', { payload: { cache: { pip: '/pip' } } })]);

    expect(config?.tasks['a']?.caches).toEqual({ pip: { path: '/pip', perImage: false } });
  });

  it('is one of ten thousand with no more warnings than one', () => {
    const many = Array.from({ length: 10_000 }, (_, index) =>
      aTask(`t-${index}`, { ...inImage, task: { scopes: ['a'], routes: [`index.x.t-${index}`] } }),
    );
    const { config, findings } = graph([anImage('tools'), ...many]);

    expect(Object.keys(config?.tasks ?? {})).toHaveLength(10_000);
    expect(findings.map(({ message }) => message)).toEqual([
      expect.stringContaining('task "docker-image-tools"'),
      'tasks "t-0", "t-1", "t-2", "t-3", "t-4" and 9995 more: provisionerId and workerType count for nothing',
      'tasks "t-0", "t-1", "t-2", "t-3", "t-4" and 9995 more: scopes count for nothing',
    ]);
  });
});
