import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Plan } from '../../../model/schema/plan.ts';
import type { MakePlanInput } from '../../../steps/make-plan.ts';
import { makePlan } from '../../../steps/make-plan.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';

const FILES = {
  'slipway.yml': `version: 1
images:
  tools: { context: tools }
  lint: { context: lint }
tasks:
  unit: { image: debian }
  lint/js: { image: { in-tree: lint } }
  report: { image: debian, dependencies: [unit] }
`,
  'tools/Dockerfile': 'FROM scratch\n',
  'lint/Dockerfile': 'FROM scratch\n',
};
const DECIDING = {
  ...FILES,
  'slipway.yml': `${FILES['slipway.yml']}decision: { image: { in-tree: tools }, command: [./decide] }\n`,
};

async function planned(
  over: Partial<MakePlanInput>,
  files: Readonly<Record<string, string>> = FILES,
  store?: Store,
): Promise<{
  tasks: string[];
  images: string[];
  whys: string[];
  skipped: string[];
  decides: boolean;
  compared: Plan['compared'];
  findings: string[];
  places: string[];
}> {
  const made = await makePlan(memoryTree(files), store, {
    pushId: `push/demo/1/${'1'.repeat(40)}`,
    project: 'demo',
    domain: 'demo',
    level: 1,
    repository: 'file:///demo',
    ref: 'refs/heads/main',
    request: {},
    platform: 'linux/amd64',
    plannedAt: '2026-01-10T00:00:00.000Z',
    findChanges: () => Promise.resolve(undefined),
    signal: new AbortController().signal,
    ...over,
  });
  const plan = made.outcome === 'planned' ? made.plan : undefined;
  const findings = plan?.warnings ?? (made.outcome === 'invalid' ? made.findings : []);
  return {
    tasks: (plan?.tasks ?? []).map(({ label }) => label),
    images: (plan?.images ?? []).map(({ name }) => name),
    whys: (plan?.tasks ?? []).map(({ why }) => why),
    skipped: (plan?.skipped ?? []).map(({ label, why }) => `${label}: ${why}`),
    decides: plan?.decides ?? false,
    compared: plan?.compared,
    places: findings.map(({ line, column }) => `${line}:${column}`),
    findings: findings.map(({ severity, file, message }) => `${severity} ${file} ${message}`),
  };
}

describe('try lines of the commit message', () => {
  const message = () => Promise.resolve('Mend it\n\ntry: report image:tools\n');

  it('select tasks and images at level 1, and the plan says why', async () => {
    expect(await planned({ message })).toMatchObject({
      tasks: ['unit', 'report'],
      images: ['tools'],
      whys: ['needed by report', 'selected by "report" of the commit message'],
    });
  });

  it('say nothing at another level', async () => {
    expect((await planned({ message, level: 3 })).tasks).toEqual(['unit', 'lint/js', 'report']);
  });

  it('say nothing when the pusher has chosen', async () => {
    expect((await planned({ message, request: { tasks: ['unit'] } })).tasks).toEqual(['unit']);
  });

  it('that match nothing are found, where they stand', async () => {
    const wrong = () => Promise.resolve('Mend it\n\ntry: report units');

    expect(await planned({ message: wrong })).toMatchObject({
      findings: ['error the commit message no task matches "units"'],
      places: ['3:13'],
    });
  });
});

describe('a rebuild', () => {
  const SMALL = {
    ...FILES,
    'slipway.yml': FILES['slipway.yml'].replace(
      'lint: { context: lint }',
      'lint: { context: lint, parent: tools }',
    ),
    'lint/Dockerfile': 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n',
  };

  it('of an image that no selected task needs is planned, with its parents', async () => {
    const request = { tasks: ['unit'], rebuild: ['lint'] };

    expect(await planned({ request }, SMALL)).toMatchObject({ tasks: ['unit'], images: ['tools', 'lint'] });
    expect(await planned({ request: { tasks: ['unit'] } }, SMALL)).toMatchObject({ images: [] });
  });

  it('waits for what the decision program prints', async () => {
    const request = { rebuild: ['lint'] };

    expect(await planned({ decision: 'first', request }, DECIDING)).toMatchObject({ images: ['tools'] });
    expect(
      await planned({ decision: { text: '{"tasks": {}}', file: 'printed' }, request }, DECIDING),
    ).toMatchObject({ images: ['tools', 'lint'] });
  });
});

describe('a decision program', () => {
  it('is planned first, alone and with its image, whatever is selected', async () => {
    expect(await planned({ decision: 'first', request: { tasks: ['printed'] } }, DECIDING)).toMatchObject({
      tasks: ['decision'],
      images: ['tools'],
      decides: true,
      findings: [],
    });
  });

  it('is told what the push is held against, whether a task of the file asks for it or not', async () => {
    const since = { revision: '2'.repeat(40), what: 'the push before' };
    const findChanges = () => Promise.resolve({ since, files: [] });

    expect((await planned({ decision: 'first', findChanges }, DECIDING)).compared).toEqual(since);
    expect((await planned({ findChanges })).compared).toBeUndefined();
  });

  it('may have printed for a tree that has no slipway.yml yet', async () => {
    const printed = { text: '{"tasks": {"unit": {"image": "debian"}}}', file: 'graph.json' };
    const files = { README: '' };

    expect(await planned({ decision: printed }, files)).toMatchObject({
      tasks: ['unit'],
      findings: [expect.stringContaining('warning graph.json "debian" has no digest')],
      places: ['1:21'],
    });
    expect(await planned({}, files)).toMatchObject({ tasks: [], findings: [] });
  });

  it('is followed by what it printed beside the tasks of the file', async () => {
    const text = '{"tasks": {"printed": {"image": {"in-tree": "lint"}, "dependencies": ["unit"]}}}';

    expect(
      await planned({ decision: { text, file: 'printed' }, request: { tasks: ['printed'] } }, DECIDING),
    ).toMatchObject({ tasks: ['unit', 'printed', 'decision'], images: ['tools', 'lint'], decides: false });
  });

  it('may be taskgraph: its images that nothing runs in are left out by name, unless they are asked for', async () => {
    const printed = {
      text: JSON.stringify({
        'docker-image-tools': {
          kind: 'docker-image',
          label: 'docker-image-tools',
          attributes: {},
          dependencies: {},
          task: { provisionerId: 'x', workerType: 'images', payload: { env: { IMAGE_NAME: 'tools' } } },
        },
      }),
      file: 'graph.json',
    };

    expect((await planned({ decision: printed })).skipped).toEqual([
      'docker-image-tools: no task here runs in its image; `--tasks image:tools` builds it',
    ]);
    const asked = await planned({ decision: printed, request: { tasks: ['image:tools'] } });
    expect(asked.skipped.filter((line) => line.startsWith('docker-image-tools'))).toEqual([]);
  });

  describe('of taskgraph', () => {
    const aTask = (label: string, image: unknown, dependencies = {}) => ({
      [label]: {
        kind: label.startsWith('docker-image-') ? 'docker-image' : 'test',
        label,
        attributes: {},
        dependencies,
        task: { provisionerId: 'x', workerType: 'y', payload: { image, maxRunTime: 60 } },
      },
    });
    const cached = { type: 'indexed-image', namespace: 'project.app.cache', path: 'public/image.tar' };
    const inTools = {
      type: 'task-image',
      taskId: { 'task-reference': '<docker-image>' },
      path: 'public/image.tar.zst',
    };
    const text = JSON.stringify({
      ...aTask('docker-image-tools', 'builder'),
      ...aTask('cached', cached),
      ...aTask('after', inTools, { 'docker-image': 'docker-image-tools', x: 'cached' }),
      ...aTask('alone', `debian@sha256:${'a'.repeat(64)}`),
    });
    const files = { 'slipway.yml': 'version: 1\n', 'taskcluster/docker/tools/Dockerfile': 'FROM scratch\n' };
    const decision = { text, file: 'graph.json' };
    let store: Store;
    beforeEach(() => {
      store = createStore(createMemoryObjectStore());
    });

    it('may print images that nobody has: their tasks and what depends on them are left out', async () => {
      const why =
        'its image cannot be had: no task that this push may read has completed with the route "project.app.cache"';

      const plan = await planned({ decision }, files, store);

      expect(plan).toMatchObject({
        tasks: ['alone'],
        images: [],
        skipped: [
          `cached: ${why}`,
          'after: it depends on "cached"',
          'docker-image-tools: no task here runs in its image; `--tasks image:tools` builds it',
        ],
      });
      expect(plan.findings).toContain(`warning graph.json task "cached": not carried out, since ${why}`);
      const request = { tasks: ['cached'] };
      const named = await planned({ decision, request }, files, store);
      expect(named.findings).toContain('error --tasks no task matches "cached"');
    });

    it('may print images that a route of Slipway leads to, and that nobody knows of without a store', async () => {
      await store.routes.record('demo', 1, {
        version: 1,
        namespace: cached.namespace,
        taskId: `task/demo/1/${'2'.repeat(40)}/make`,
        run: 0,
        artifacts: [{ name: cached.path, sha256: 'a'.repeat(64) }],
        plannedAt: '2026-01-01T00:00:00.000Z',
      });

      const found = await planned({ decision }, files, store);
      const unknown = await planned({ decision }, files);

      expect([found.tasks, unknown.tasks]).toEqual([
        ['cached', 'after', 'alone'],
        ['cached', 'after', 'alone'],
      ]);
    });

    it('is told from one that prints as Slipway has it, where such an image is a mistake', async () => {
      const printed = { text: JSON.stringify({ tasks: { cached: { image: cached } } }), file: 'graph.json' };

      expect((await planned({ decision: printed }, files, store)).findings).toEqual([
        'error graph.json no task that this push may read has completed with the route "project.app.cache"',
      ]);
    });
  });

  it('does not run on a laptop, where the plan has the tasks of the file', async () => {
    expect(await planned({}, DECIDING)).toMatchObject({
      tasks: ['unit', 'lint/js', 'report', 'decision'],
      decides: true,
    });
  });

  it('may print what a selection names, so that it is no mistake on a laptop', async () => {
    expect(await planned({ request: { tasks: ['printed'] } }, DECIDING)).toMatchObject({
      tasks: ['decision'],
      findings: ['warning --tasks no task of the file matches "printed"'],
    });
  });
});

describe('a slipway.yml with mistakes', () => {
  const WRONG = {
    'slipway.yml': `version: 1
images:
  tools: { context: tools }
  lint: { context: lint, parent: tools }
  docs: { context: ../docs }
  site: { context: site, parnt: tools }
tasks:
  unit: { image: debian, comand: make }
  lint: { image: { in-tree: lint } }
`,
    'tools/Dockerfile': 'FROM\n',
    'site/Dockerfile': 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n',
  };

  it('shows those of its images and of what was asked for at once', async () => {
    const request = { tasks: ['unti', 'unit', 'image:tool'], rebuild: ['lnit'] };
    const { findings } = await planned({ request }, WRONG);

    expect(findings).toEqual([
      expect.stringContaining('error slipway.yml context "../docs" has a segment'),
      expect.stringContaining('error slipway.yml unknown field "parnt"'),
      expect.stringContaining('error slipway.yml unknown field "comand"'),
      expect.stringContaining('error tools/Dockerfile '),
      'error slipway.yml image "lint": context "lint" does not exist in the tree',
      'error --tasks no task matches "unti"',
      'error --tasks no image matches "tool"',
      'error command line --rebuild names an unknown image "lnit"',
    ]);
  });

  it('that cannot be read at all shows only why', async () => {
    const { findings } = await planned({ request: { tasks: ['unti'] } }, { 'slipway.yml': 'version: [\n' });

    expect(findings).toEqual([expect.stringContaining('error slipway.yml not YAML')]);
  });

  it('has no pattern checked that its decision program may print a task for', async () => {
    const files = { ...DECIDING, 'slipway.yml': `${DECIDING['slipway.yml']}jobs: {}\n` };
    const request = { tasks: ['printed'] };

    expect((await planned({ decision: 'first', request }, files)).findings).toHaveLength(1);
    expect((await planned({ request }, files)).findings).toEqual([
      expect.stringContaining('jobs'),
      'warning --tasks no task of the file matches "printed"',
    ]);
  });
});
