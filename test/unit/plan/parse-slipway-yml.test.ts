import { describe, expect, it } from '@jest/globals';
import { plannedTaskSchema } from '../../../model/schema/plan.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import type { ValidConfig } from '../../../plan/parse-slipway-yml.ts';

const FULL = `version: 1
x-note: anything
images:
  base: { context: docker/base/ }
  lint: { context: ./docker//lint, parent: base, args: { NODE_VERSION: "24" }, symbol: lint, tarball: stored, base: pin }
  lint-22: { context: docker/lint, parent: base, args: { NODE_VERSION: "22" } }
defaults: { maxRunTime: 1800, env: { CI: "1", LANG: C } }
tasks:
  compile:
    description: Compile
    image: { in-tree: lint }
    command: [make, all]
    env: { LANG: C.UTF-8 }
    artifacts:
      public/build.tar: { type: file, path: /build/all.tar, expires: 30 days, contentType: application/x-tar }
      public/logs/build: { type: directory, path: /build/logs, optional: true }
  unit:
    dependencies: [compile]
    image: debian:bookworm
    inputs: { /in/all.tar: { task: compile, artifact: public/build.tar } }
    command: ./test.sh && echo good
    when: { changed: ["src/**"], refs: [main, "release/*"], levels: [1, 3] }
    requires: all-resolved
    priority: high
    retries: 2
    deadline: 2 hours
    maxRunTime: 1 hour 30 minutes
    onExitStatus: { retry: [75], purgeCaches: [0, 3, 3] }
    cache: { npm: /root/.npm/, tools: { path: /tools, perImage: false } }
    secrets: { KEY: {}, TOKEN: { env: true }, PIN: { env: OTHER } }
    resources: { memory: 2g, cpus: 1.5, disk: 10G, pids: 100, shm: 64m }
    network: none
    checkout: false
    symbol: u
    group: T
`;

function valid(text: string): ValidConfig {
  const { config, findings } = parseSlipwayYml(text);
  expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
  if (!config) throw new Error('no config');
  return config;
}

describe('parseSlipwayYml', () => {
  it('has inputs that are optional, of a task and by a route, where they say so', () => {
    const [task, route] = ['task: a, artifact: x', 'namespace: n, artifact: x'];
    const inputs = `{/a: {${task}, optional: true}, /b: {${route}, optional: true}, /c: {${task}, optional: false}}`;
    const { tasks } = valid(
      `version: 1\ntasks:\n  a: {image: debian, artifacts: {x: {type: file, path: /x}}}\n  b: {image: debian, dependencies: [a], inputs: ${inputs}}\n`,
    );

    expect(tasks['b']?.inputs).toEqual({
      '/a': { task: 'a', artifact: 'x', optional: true },
      '/b': { namespace: 'n', artifact: 'x', optional: true },
      '/c': { task: 'a', artifact: 'x' },
    });
    expect(plannedTaskSchema.parse({ ...tasks['b'], why: 'all' }).inputs).toEqual(tasks['b']?.inputs);
  });

  it('fills in every default', () => {
    const { tasks } = valid('version: 1\ntasks: {a: {image: debian}}');

    expect(tasks['a']).toEqual({
      label: 'a',
      description: '',
      image: { type: 'docker-image', name: 'debian' },
      env: {},
      maxRunTimeSeconds: 3600,
      artifacts: {},
      inputs: {},
      dependencies: [],
      requires: 'all-completed',
      priority: 'lowest',
      retries: 5,
      deadlineSeconds: 86_400,
      retryExitCodes: [],
      resources: { pids: 4096, shmBytes: 1_800_000_000 },
      checkout: '/src',
      when: {},
    });
  });

  it('reads every field', () => {
    const { images, tasks } = valid(FULL);

    expect(images).toEqual({
      base: { context: 'docker/base' },
      lint: {
        context: 'docker/lint',
        parent: 'base',
        args: { NODE_VERSION: '24' },
        symbol: 'lint',
        tarball: 'stored',
        base: 'pin',
      },
      'lint-22': { context: 'docker/lint', parent: 'base', args: { NODE_VERSION: '22' } },
    });
    expect(tasks['compile']).toMatchObject({
      description: 'Compile',
      image: { type: 'in-tree', name: 'lint' },
      command: ['make', 'all'],
      env: { CI: '1', LANG: 'C.UTF-8' },
      maxRunTimeSeconds: 1800,
      artifacts: {
        'public/build.tar': {
          type: 'file',
          path: '/build/all.tar',
          expiresSeconds: 2_592_000,
          optional: false,
          contentType: 'application/x-tar',
        },
        'public/logs/build': { type: 'directory', path: '/build/logs', optional: true },
      },
    });
    expect(tasks['unit']).toEqual({
      label: 'unit',
      description: '',
      image: { type: 'docker-image', name: 'debian:bookworm' },
      command: ['sh', '-c', './test.sh && echo good'],
      env: { CI: '1', LANG: 'C' },
      maxRunTimeSeconds: 5400,
      artifacts: {},
      inputs: { '/in/all.tar': { task: 'compile', artifact: 'public/build.tar' } },
      dependencies: ['compile'],
      requires: 'all-resolved',
      priority: 'high',
      retries: 2,
      deadlineSeconds: 7200,
      retryExitCodes: [75],
      caches: {
        npm: { path: '/root/.npm', perImage: true },
        tools: { path: '/tools', perImage: false },
      },
      secrets: [{ name: 'KEY' }, { name: 'TOKEN', env: 'TOKEN' }, { name: 'PIN', env: 'OTHER' }],
      purgeExitCodes: [0, 3],
      resources: {
        memoryBytes: 2 ** 31,
        cpus: 1.5,
        diskBytes: 10 * 2 ** 30,
        pids: 100,
        shmBytes: 64 * 2 ** 20,
      },
      network: 'none',
      checkout: null,
      symbol: 'u',
      group: 'T',
      when: { changed: ['src/**'], refs: ['main', 'release/*'], levels: [1, 3] },
    });
  });

  it('gives tasks that the schema of plans accepts', () => {
    for (const task of Object.values(valid(FULL).tasks)) {
      expect(plannedTaskSchema.parse({ ...task, why: 'a test' })).toMatchObject({ label: task.label });
    }
  });

  it('accepts JSON', () => {
    const json =
      '{\n\t"version": 1,\n\t"tasks": {"a": {"image": {"type": "docker-image", "name": "debian"}}}\n}';

    expect(valid(json).tasks['a']?.image).toEqual({ type: 'docker-image', name: 'debian' });
  });

  it.each(['version: 1', 'version: 1\nimages: {}\ntasks: {}\n', '\uFEFFversion: 1\r\n'])(
    'accepts a file without tasks: %j',
    (text) => expect(valid(text)).toEqual({ images: {}, tasks: {} }),
  );

  it.each([
    'debian',
    'debian:12',
    'library/debian',
    'ghcr.example:5000/A.b/c'.toLowerCase(),
    'localhost/x',
    `a@sha256:${'0'.repeat(64)}`,
    'a__b/c-d.e:T_1',
  ])('accepts the image name %s', (name) =>
    expect(valid(`version: 1\ntasks: {a: {image: "${name}"}}`).tasks['a']?.image).toEqual({
      type: 'docker-image',
      name,
    }),
  );

  it('follows anchors and merge keys; own keys win, and the first of several merges', () => {
    const { tasks } = valid(`version: 1
x-a: &a { image: debian, env: { A: a } }
x-b: &b { image: fedora, description: b, retries: 1 }
tasks:
  one: { <<: *a, description: mine }
  two: { <<: [*a, *b], retries: 2 }
  three: { <<: *b, env: &env { B: b } }
  four: { image: debian, env: *env }
`);

    expect(tasks['one']).toMatchObject({ image: { name: 'debian' }, description: 'mine', env: { A: 'a' } });
    expect(tasks['two']).toMatchObject({ image: { name: 'debian' }, description: 'b', retries: 2 });
    expect(tasks['three']).toMatchObject({ image: { name: 'fedora' }, env: { B: 'b' }, retries: 1 });
    expect(tasks['four']).toMatchObject({ env: { B: 'b' } });
  });

  it('merges maps of defaults one level deep and replaces everything else', () => {
    const { tasks } = valid(`version: 1
images: { base: { context: a } }
defaults:
  image: { type: docker-image, name: debian }
  env: { A: a, B: b }
  resources: { memory: 1g, cpus: 2 }
  artifacts: { out: { type: directory, path: /out, expires: 1 day } }
  onExitStatus: { retry: [1, 2] }
  dependencies: [first]
  when: { refs: [main], levels: [3] }
tasks:
  first: { dependencies: [] }
  a:
    image: { in-tree: base }
    env: { B: c }
    resources: { cpus: 1 }
    artifacts: { out: { type: file, path: /out } }
    onExitStatus: { retry: [3] }
    when: { levels: [1] }
`);

    expect(tasks['first']).toMatchObject({
      image: { type: 'docker-image', name: 'debian' },
      dependencies: [],
    });
    expect(tasks['a']).toMatchObject({
      image: { type: 'in-tree', name: 'base' },
      env: { A: 'a', B: 'c' },
      resources: { memoryBytes: 2 ** 30, cpus: 1 },
      artifacts: { out: { type: 'file', path: '/out', optional: false } },
      retryExitCodes: [3],
      dependencies: ['first'],
      when: { refs: ['main'], levels: [1] },
    });
    expect(tasks['a']?.artifacts['out']).not.toHaveProperty('expiresSeconds');
  });
});

describe('position', () => {
  const { position } = parseSlipwayYml(`version: 1
x-task: &task
  image: debian
images:
  lint:
    context: docker/lint
    parent:
tasks:
  a:
    <<: *task
    command: [make, all]
    when:
      refs:
        - main
  b: *task
`);

  it.each([
    ['a scalar', ['images', 'lint', 'context'], undefined, 6, 14],
    ['its key', ['images', 'lint', 'context'], 'key' as const, 6, 5],
    ['an item of a flow list', ['tasks', 'a', 'command', 1], undefined, 11, 21],
    ['an item of a block list', ['tasks', 'a', 'when', 'refs', 0], undefined, 14, 11],
    ['a flow collection', ['tasks', 'a', 'command'], undefined, 11, 14],
    ['the key of a block collection', ['tasks', 'a', 'when'], undefined, 12, 5],
    ['the key of an empty value', ['images', 'lint', 'parent'], undefined, 7, 5],
    ['the merged value where it is written', ['tasks', 'a', 'image'], undefined, 3, 10],
    ['the alias', ['tasks', 'b'], undefined, 15, 6],
    ['what is behind an alias', ['tasks', 'b', 'image'], 'key' as const, 3, 3],
    ['the nearest ancestor of what is not there', ['tasks', 'a', 'env', 'CI'], undefined, 9, 3],
    ['the beginning', [], undefined, 1, 1],
    ['the beginning for a field that is not there', ['nothing'], undefined, 1, 1],
  ])('is that of %s', (_what, path, at, line, column) => {
    expect(position(path, at)).toEqual({ line, column });
  });
});
