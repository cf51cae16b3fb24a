import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseSlipwayYml } from '../../../../plan/parse-slipway-yml.ts';
import { selectTasks } from '../../../../plan/select-tasks.ts';

/** What `taskgraph full -J` (24.5.1) printed for a small project with every kind of task. */
const TEXT = readFileSync(new URL('../../../fixtures/taskgraph/full.json', import.meta.url), 'utf8');
const PUSH = `push/app/1/${'1'.repeat(40)}`;
const FILE = 'version: 1\ndecision: { image: debian, command: [taskgraph, full, -J] }\n';

const { config, findings } = parseSlipwayYml(FILE, {
  printed: { text: TEXT, file: 'graph.json' },
  pushId: PUSH,
});

describe('a graph that taskgraph printed', () => {
  it('has no error, and its tasks and images are ours', () => {
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(Object.keys(config?.tasks ?? {})).toEqual([
      'build-linux64',
      'fetch-data',
      'publish-image',
      'report-url',
      'test-unit',
      'decision',
    ]);
    expect(config?.images).toEqual({
      base: { context: 'taskcluster/docker/base', symbol: 'base' },
      build: {
        context: 'taskcluster/docker/build',
        parent: 'base',
        args: { GREETING: 'hello' },
        symbol: 'build',
      },
      fetch: { context: 'taskcluster/docker/fetch', symbol: 'fetch' },
    });
  });

  it('keeps what docker-worker’s payload and the queue say of a task', () => {
    expect(config?.tasks['build-linux64']).toMatchObject({
      description: 'Build the app',
      image: { type: 'in-tree', name: 'build' },
      dependencies: ['fetch-data'],
      maxRunTimeSeconds: 600,
      deadlineSeconds: 86_400,
      priority: 'low',
      retryExitCodes: [72],
      purgeExitCodes: [72],
      checkout: null,
      symbol: 'B',
      group: 'build',
      when: { changed: ['src/**', 'taskcluster/docker/build/**'] },
      artifacts: {
        'public/build/app.tar': { type: 'file', path: '/builds/worker/app.tar', expiresSeconds: 2_419_200 },
      },
      routes: expect.arrayContaining(['example.v2.app.latest.app.linux64']),
    });
    expect(config?.tasks['report-url']).toMatchObject({ requires: 'all-resolved', group: 'report' });
  });

  it('has caches by image where taskgraph puts the image into their names', () => {
    expect(config?.tasks['build-linux64']?.caches).toMatchObject({
      'example-level-1-ccache-v3-b501540836ece0d08200': { path: '/builds/worker/ccache', perImage: true },
    });
  });

  it('has ids of the push in the place of references to tasks', () => {
    expect(config?.tasks['build-linux64']?.env).toMatchObject({
      SELF: `task/app/1/${'1'.repeat(40)}/build-linux64`,
    });
    expect(config?.tasks['report-url']?.env).toMatchObject({
      BUILD: `task/app/1/${'1'.repeat(40)}/build-linux64 of task/app/1/${'1'.repeat(40)}/decision`,
    });
  });

  it('has files in the place of references to artifacts, and of what run-task would fetch', () => {
    const of = (label: string): object => config?.tasks[label] ?? {};

    expect(of('report-url')).toMatchObject({
      command: [
        'sh',
        '-c',
        'cat file:///slipway/inputs/build-linux64/public/build/app.tar > /report/app.tar',
      ],
      inputs: {
        '/slipway/inputs/build-linux64/public/build/app.tar': {
          task: 'build-linux64',
          artifact: 'public/build/app.tar',
          optional: true,
        },
      },
    });
    expect(of('test-unit')).toMatchObject({
      inputs: {
        '/builds/worker/fetches/in/app.tar': { task: 'build-linux64', artifact: 'public/build/app.tar' },
      },
      env: { MOZ_FETCHES_DIR: '/builds/worker/fetches' },
    });
    expect(of('test-unit')).not.toHaveProperty('env.MOZ_FETCHES');
  });

  it('leaves out what cannot run in a container, and says why in the plan', () => {
    if (!config) throw new Error('no config');

    expect(selectTasks(config, { ref: 'main', level: 1 }).skipped).toEqual([
      {
        label: 'complete-tests',
        why: 'it does nothing but wait: what depends on it waits for its dependencies',
      },
      {
        label: 'windows-unit',
        why: 'its payload is for generic-worker (pool example-1/win), and tasks run in containers here',
      },
    ]);
  });

  it('has a warning for all that is not carried out as it is written, where it stands first', () => {
    expect(findings.map(({ line, message }) => `${line} ${message}`)).toEqual([
      '51 tasks "build-linux64", "fetch-data", "test-unit": symbols and groups of Treeherder are shown on no page yet',
      '86 task "build-linux64": run-task fetches the repository by itself',
      '104 task "build-linux64": a fetched archive is not unpacked',
      '120 tasks "build-linux64", "fetch-data": feature "chainOfTrust" is not carried out',
      '121 tasks "build-linux64", "publish-image": feature "taskclusterProxy" is not carried out',
      '143 tasks "build-linux64", "fetch-data", "test-unit": routes "tc-treeherder" lead nowhere',
      '148 tasks "build-linux64", "fetch-data", "publish-image", "report-url", "test-unit": routes "checks" lead nowhere',
      '150 tasks "build-linux64", "test-unit": scopes count for nothing',
      '167 tasks "build-linux64", "fetch-data", "publish-image", "report-url", "test-unit": provisionerId and workerType count for nothing',
      '191 task "complete-tests": not carried out, since it does nothing but wait: what depends on it waits for its dependencies',
      '297 tasks "docker-image-base", "docker-image-build", "docker-image-fetch": its payload builds an image with tools of Taskcluster',
      '626 task "fetch-data": the optimization "index-search" is not carried out',
      '678 task "fetch-data": a directory "public" would have the log in it',
      '759 task "publish-image": it waits for an image that it does not run in',
      '796 task "publish-image": "<image>" is the build of an image, whose id nobody knows before it is needed',
      '804 task "publish-image": namespaces of indexed images are not those of Taskcluster’s index',
      '846 task "report-url": if_dependencies count for nothing',
      '888 task "report-url": an artifact-reference is no address in the network',
      '907 task "report-url": routes "notify" lead nowhere',
      '984 task "test-unit": device "loopbackVideo" is not given',
      '1028 task "test-unit": the secret "project/app/token" is not given by a scope',
      '1063 task "windows-unit": not carried out, since its payload is for generic-worker (pool example-1/win), and tasks run in containers here',
    ]);
    expect(findings.every(({ hint, file }) => hint !== undefined && file === 'graph.json')).toBe(true);
  });
});
