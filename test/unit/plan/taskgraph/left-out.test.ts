import { describe, expect, it } from '@jest/globals';
import type { ParsedSlipwayYml } from '../../../../plan/parse-slipway-yml.ts';
import { parseSlipwayYml } from '../../../../plan/parse-slipway-yml.ts';
import { selectTasks } from '../../../../plan/select-tasks.ts';

type Json = Readonly<Record<string, unknown>>;

interface Parts {
  readonly label?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly payload?: Json;
}

const aTask = ({ label = 'a', dependencies = {}, payload = {} }: Parts = {}): Json => ({
  kind: 'test',
  label,
  attributes: {},
  dependencies,
  task: {
    provisionerId: 'example-1',
    workerType: 'linux',
    payload: { image: 'debian', command: ['true'], maxRunTime: 60, ...payload },
  },
});
const anImage = (name: string, dependencies: Readonly<Record<string, string>> = {}): Json => ({
  ...aTask({ label: `docker-image-${name}`, dependencies }),
  kind: 'docker-image',
});
const madeBy = (taskId: unknown, path = 'public/image.tar'): Json => ({
  image: { type: 'task-image', taskId, path },
});
const edge = (name: string): Json => ({ 'task-reference': `<${name}>` });
const file = (name: string): Json => ({ artifacts: { [name]: { type: 'file', path: '/x' } } });

function graph(
  entries: readonly Json[],
  { text = 'version: 1\n', ...options }: { text?: string; unavailable?: ReadonlyMap<string, string> } = {},
): ParsedSlipwayYml {
  const document = Object.fromEntries(entries.map((entry) => [entry['label'], entry]));
  return parseSlipwayYml(text, {
    ...options,
    printed: { text: JSON.stringify(document, null, 1), file: 'graph.json' },
  });
}

const errors = ({ findings }: ParsedSlipwayYml): string[] =>
  findings.filter(({ severity }) => severity === 'error').map(({ message }) => message);
const messages = ({ findings }: ParsedSlipwayYml): string[] => findings.map(({ message }) => message);

describe('what taskgraph may print and nobody can carry out here', () => {
  it.each<readonly [string, Parts, string]>([
    [
      'an image of another index',
      { payload: { image: { type: 'indexed-image', namespace: 'a.(b)', path: 'public/image.tar' } } },
      'its image is found by "a.(b)", which is no route here',
    ],
    [
      'an image of a task of Taskcluster',
      { payload: madeBy('fN1SbArXTPSVFNUvaOlinQ') },
      'its image is of the task "fN1SbArXTPSVFNUvaOlinQ", which is none of Slipway’s',
    ],
    [
      'an image of a task that the graph has not',
      { payload: madeBy(edge('docker-image')) },
      'its image is of "<docker-image>", which is no task of this graph',
    ],
    [
      'an image that its task does not declare',
      { dependencies: { made: 'made' }, payload: madeBy(edge('made')) },
      'its image is "public/image.tar", which "made" does not declare',
    ],
    [
      'an image in lz4',
      { payload: madeBy(`task/app/1/${'1'.repeat(40)}/made`, 'public/image.tar.lz4') },
      'its image is "public/image.tar.lz4", which does not end in .tar, .tar.gz, .tgz or .tar.zst',
    ],
    [
      'an image of another type',
      { payload: { image: { type: 'snap', name: 'x' } } },
      'its image is of type "snap", which is unknown here',
    ],
    ['an image of no type', { payload: { image: { name: 'x' } } }, 'its image is of no type here'],
    ['an odd label', { label: 'a (b)' }, 'its label is none that a task has here'],
    ['the label of the program', { label: 'decision' }, 'its label is that of the decision program'],
    [
      'an odd artifact',
      { payload: file('../x') },
      'the name of its artifact "../x" has a segment "." or ".."',
    ],
    ['an odd cache', { payload: { cache: { 'a/b': '/b' } } }, '"a/b" is no name for a cache here'],
    [
      'a dependency that the graph has not',
      { dependencies: { x: 'gone' } },
      'it depends on "gone", which is not in this graph',
    ],
  ])('is left out with what depends on it, and the rest runs: %s', (_what, parts, why) => {
    const { label = 'a' } = parts;
    const parsed = graph([
      aTask(parts),
      aTask({ label: 'after', dependencies: { x: label } }),
      aTask({ label: 'made' }),
    ]);

    expect(errors(parsed)).toEqual([]);
    expect(Object.keys(parsed.config?.tasks ?? {})).toEqual(['made']);
    expect(Object.fromEntries(parsed.config?.leftOut ?? [])).toEqual({
      [label]: why,
      after: `it depends on "${label}"`,
    });
    expect(messages(parsed)).toContain(`task "${label}": not carried out, since ${why}`);
  });

  it('is told why where it is asked for', () => {
    const { config } = graph([aTask({ payload: madeBy('fN1SbArXTPSVFNUvaOlinQ') }), aTask({ label: 'b' })]);
    if (!config) throw new Error('no config');

    expect(selectTasks(config, { ref: 'main', level: 1, tasks: ['a'] }).findings).toMatchObject([
      { message: 'no task matches "a"', hint: expect.stringContaining('which is none of Slipway’s') },
    ]);
  });

  it('is an image that was looked for in vain', () => {
    const image = { type: 'indexed-image', namespace: 'project.app.cache', path: 'public/image.tar.zst' };
    const entries = [aTask({ payload: { image } }), aTask({ label: 'soft' })];
    const soft = { ...entries[1], soft_dependencies: ['a'] };

    const parsed = graph([...entries.slice(0, 1), soft], { unavailable: new Map([['a', 'nobody has it']]) });

    expect(errors(parsed)).toEqual([]);
    expect(parsed.config?.leftOut?.get('a')).toBe('its image cannot be had: nobody has it');
    expect(parsed.config?.tasks['soft']?.dependencies).toEqual([]);
  });

  it('is no mistake: that is found in every task', () => {
    const parsed = graph([
      aTask({ payload: { image: { type: 'docker-image' }, env: { A: 1 } } }),
      aTask({ label: 'b', payload: { image: 3 } }),
    ]);

    expect(errors(parsed)).toHaveLength(3);
    expect(parsed.config).toBeUndefined();
  });

  it('is an image of an odd name, with those on top of it and the tasks in them', () => {
    const inImage = (name: string): Parts => ({
      label: `in-${name}`,
      dependencies: { 'docker-image': `docker-image-${name}` },
      payload: madeBy(edge('docker-image'), 'public/image.tar.lz4'),
    });
    const images = [anImage('Base'), anImage('top', { parent: 'docker-image-Base' }), anImage('plain')];
    const entries = [...images, ...['Base', 'top', 'plain'].map((name) => aTask(inImage(name)))];

    const parsed = graph(entries);

    expect(errors(parsed)).toEqual([]);
    expect(Object.keys(parsed.config?.images ?? {})).toEqual(['plain']);
    expect(Object.keys(parsed.config?.tasks ?? {})).toEqual(['in-plain']);
    expect(Object.fromEntries(parsed.config?.leftOut ?? [])).toEqual({
      'docker-image-Base': '"Base" is no name for an image here',
      'docker-image-top': 'it depends on "docker-image-Base"',
      'in-Base': 'it depends on "docker-image-Base"',
      'in-top': 'it depends on "docker-image-top"',
    });
    const text = 'version: 1\nimages: { top: { context: elsewhere } }\n';
    expect(Object.keys(graph(entries, { text }).config?.tasks ?? {})).toEqual(['in-top', 'in-plain']);
  });

  it('is an artifact that its task does not declare, without which the other task runs', () => {
    const fetches = [
      { artifact: 'public/none', extract: false, task: '<made>' },
      { artifact: 'public/x', extract: false, task: '<made>' },
    ];
    const parsed = graph([
      aTask({ label: 'made', payload: file('public/x') }),
      aTask({
        dependencies: { made: 'made' },
        payload: {
          command: ['cat', { 'artifact-reference': '<made/public/other>' }],
          env: { MOZ_FETCHES: { 'task-reference': JSON.stringify(fetches) } },
        },
      }),
    ]);

    expect(errors(parsed)).toEqual([]);
    expect(parsed.config?.tasks['a']).toMatchObject({
      command: ['cat', '<made/public/other>'],
      inputs: { '/builds/worker/fetches/x': { task: 'made', artifact: 'public/x' } },
    });
    expect(messages(parsed)).toEqual([
      expect.stringContaining('count for nothing'),
      'task "a": "<made/public/other>" refers to nothing that its task declares',
      'task "a": a fetch from <made> is not carried out, since that declares no "public/none"',
    ]);
  });

  it('is not what stands beside it in slipway.yml', () => {
    const text = `version: 1
defaults: { artifacts: { public/image.tar: { type: file, path: /image.tar } } }
tasks: { written: { image: debian } }
`;
    const parsed = graph(
      [
        aTask({ label: 'made' }),
        aTask({
          dependencies: { made: 'made', written: 'written' },
          payload: madeBy(edge('made')),
        }),
      ],
      { text },
    );

    expect(errors(parsed)).toEqual([]);
    expect(parsed.config?.tasks['a']).toMatchObject({
      image: { type: 'task-image', label: 'made' },
      dependencies: ['made', 'written'],
    });
  });

  it('is not an image in a directory that would have the log in it', () => {
    const parsed = graph([
      aTask({
        label: 'made',
        payload: { artifacts: { public: { type: 'directory', path: '/builds/artifacts' } } },
      }),
      aTask({ dependencies: { made: 'made' }, payload: madeBy(edge('made')) }),
    ]);

    expect(errors(parsed)).toEqual([]);
    expect(parsed.config?.tasks['made']?.artifacts).toMatchObject({
      'public/image.tar': { type: 'file', path: '/builds/artifacts/image.tar' },
    });
  });
});
