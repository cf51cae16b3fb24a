import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { outcomesOf, statesOf } from '../helpers/live-stack.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

let world: World;
beforeAll(async () => {
  world = await World.open();
  await world.startWorker();
});
afterAll(() => world[Symbol.asyncDispose]());

/** Prints a task for each file of `suites/`, and one that stands on all of them. */
const DECIDE = `#!/bin/sh
echo "deciding for $SLIPWAY_REF at level $SLIPWAY_LEVEL" >&2
printf '{"tasks": {'
for suite in suites/*; do
  name=$(basename "$suite")
  printf '"suite/%s": {"image": {"in-tree": "tools"}, "command": ["sh", "/src/%s"]},' "$name" "$suite"
done
printf '"all": {"image": {"in-tree": "tools"}, "command": ["cat", "/tools.txt"], "dependencies": ["suite/a", "suite/b"]}}}'
`;

const slipwayYml = {
  version: 1,
  images: { tools: { context: 'tools' } },
  decision: { image: { 'in-tree': 'tools' }, command: ['sh', '/src/decide.sh'] },
  tasks: {
    report: {
      image: 'debian:bookworm',
      dependencies: ['suite/a', 'decision'],
      inputs: { '/in/graph.json': { task: 'decision', artifact: 'public/tasks.json' } },
      command: 'grep -c suite/a /in/graph.json',
    },
  },
};

const files = {
  'slipway.yml': slipwayYml,
  'decide.sh': DECIDE,
  'suites/a': 'echo this is a',
  'suites/b': 'echo this is b',
};

const inTools = {
  type: 'task-image',
  taskId: { 'task-reference': '<docker-image>' },
  path: 'public/image.tar.zst',
};

const aTask = (
  label: string,
  kind: string,
  { dependencies, payload, ...task }: { dependencies: object; payload: object; scopes?: readonly string[] },
): object => ({
  kind,
  label,
  attributes: {},
  dependencies,
  soft_dependencies: [],
  if_dependencies: [],
  optimization: null,
  task: {
    provisionerId: 'example-1',
    workerType: 'linux',
    created: { 'relative-datestamp': '0 seconds' },
    deadline: { 'relative-datestamp': '1 day' },
    expires: { 'relative-datestamp': '28 days' },
    payload: { maxRunTime: 600, onExitStatus: {}, ...payload },
    ...task,
  },
});

/** As `taskgraph target-graph -J` prints it. */
const TASKGRAPH = {
  'docker-image-tools': aTask('docker-image-tools', 'docker-image', {
    dependencies: {},
    payload: {
      image: 'mozillareleases/image_builder',
      env: { IMAGE_NAME: 'tools', DOCKER_BUILD_ARGS: { 'task-reference': '{"DOCKER_IMAGE_PACKAGES":""}' } },
    },
  }),
  build: aTask('build', 'build', {
    dependencies: { 'docker-image': 'docker-image-tools' },
    scopes: ['queue:get-artifact:private/*'],
    payload: {
      image: inTools,
      command: ['sh', '-c', 'echo "built in $(cat /tools.txt)" > /words'],
      artifacts: {
        'public/words': { type: 'file', path: '/words', expires: { 'relative-datestamp': '1 week' } },
      },
    },
  }),
  test: aTask('test', 'test', {
    dependencies: { 'docker-image': 'docker-image-tools', build: 'build' },
    payload: {
      image: inTools,
      env: {
        BUILD: { 'task-reference': 'of <build>' },
        MOZ_FETCHES: { 'task-reference': '[{"artifact":"public/words","extract":false,"task":"<build>"}]' },
        MOZ_FETCHES_DIR: 'fetches',
      },
      command: [
        'sh',
        '-c',
        'mkdir /report; cp $MOZ_FETCHES_DIR/words /report/words; echo "$BUILD" >> /report/words',
      ],
      artifacts: { 'public/report': { type: 'directory', path: '/report' } },
    },
  }),
  windows: aTask('windows', 'test', { dependencies: {}, payload: { mounts: [], command: ['dir'] } }),
};

/** A content of its own, so that the image is not known from another run of this test. */
const dockerfile = (): string => `FROM debian:bookworm\nRUN echo ${Math.random()} > /tools.txt\n`;

describe('a decision program', () => {
  it('runs in an image that was built for it, and what it prints runs beside the tasks of the file', async () => {
    const repository = await world.createRepository();
    const revision = await repository.commit({ ...files, 'tools/Dockerfile': dockerfile() });

    const document = await world.push(repository, revision);

    expect(statesOf(document)).toEqual({
      all: 'completed/completed',
      decision: 'completed/completed',
      report: 'completed/completed',
      'suite/a': 'completed/completed',
      'suite/b': 'completed/completed',
    });
    expect(outcomesOf(document)).toEqual({ tools: 'built' });
    const [decision] = document.tasks.filter(({ label }) => label === 'decision');
    const taskId = decision?.taskId ?? '';
    const printed = JSON.parse((await world.artifact(taskId, 'public/tasks.json')).toString()) as object;
    expect(Object.keys((printed as { tasks: object }).tasks)).toEqual(['suite/a', 'suite/b', 'all']);
    const log = await world.log(taskId);
    expect(log).toContain('deciding for refs/heads/main at level 1');
    expect(log).not.toContain('suite/a"');

    // Another round decides anew, with run numbers that go on, and finds the image.
    const again = await world.push(repository, revision, { again: true });
    expect(again.state).toBe('completed');
    expect(again.tasks.map(({ label, runs }) => [label, runs.map(({ run }) => run)])).toContainEqual([
      'decision',
      [0, 1],
    ]);
  });

  it('obeys a selection, also one of what it prints', async () => {
    const repository = await world.createRepository();
    const revision = await repository.commit({ ...files, 'tools/Dockerfile': dockerfile() });

    const document = await world.push(repository, revision, { request: { tasks: ['suite/b'] } });

    expect(Object.keys(statesOf(document))).toEqual(['decision', 'suite/b']);
  });

  it('may print what taskgraph prints: its images are built, its tasks run, what is not carried out is told', async () => {
    const repository = await world.createRepository();
    const revision = await repository.commit({
      'slipway.yml': {
        version: 1,
        decision: { image: 'debian:bookworm', command: ['cat', 'graph.json'] },
      },
      'graph.json': JSON.stringify(TASKGRAPH, null, 2),
      'taskcluster/docker/tools/Dockerfile': dockerfile(),
    });

    const document = await world.push(repository, revision);

    expect(statesOf(document)).toEqual({
      build: 'completed/completed',
      decision: 'completed/completed',
      test: 'completed/completed',
    });
    expect(outcomesOf(document)).toEqual({ tools: 'built' });
    expect(document.findings.map(({ file, message }) => `${file} ${message}`)).toEqual([
      'decision/public/tasks.json task "docker-image-tools": its payload builds an image with tools of Taskcluster',
      'decision/public/tasks.json tasks "build", "test": provisionerId and workerType count for nothing',
      'decision/public/tasks.json task "build": scopes count for nothing',
      'decision/public/tasks.json task "windows": not carried out, since its payload is for generic-worker (pool example-1/linux), and tasks run in containers here',
      'slipway.yml "debian:bookworm" has no digest, so that it need not be the same image next time',
    ]);
    const [test] = document.tasks.filter(({ label }) => label === 'test');
    const report = await world.artifact(test?.taskId ?? '', 'public/report/words');
    expect(report.toString()).toMatch(/^built in 0\.\d+\nof task\/.*\/build\n$/);
  });

  it('that prints what is wrong ends the push malformed-plan, with every finding at its place', async () => {
    const repository = await world.createRepository();
    const decide = `echo '{"tasks": {"suite/a": {"image": {"in-tree": "nowhere"},'; echo '"comand": []}}}'`;
    const revision = await repository.commit({
      ...files,
      'decide.sh': decide,
      'tools/Dockerfile': dockerfile(),
    });

    const document = await world.push(repository, revision);

    expect(document).toMatchObject({ state: 'exception', reason: 'malformed-plan' });
    expect(document.findings.map(({ file, line, message }) => `${file}:${line} ${message}`)).toEqual([
      'decision/public/tasks.json:1 unknown in-tree image "nowhere"',
      'decision/public/tasks.json:2 unknown field "comand" in task "suite/a"',
    ]);
    expect(statesOf(document)).toEqual({ decision: 'completed/completed' });
    expect(outcomesOf(document)).toEqual({ tools: 'built' });
  });

  it('that fails fails the push, and no other task starts', async () => {
    const repository = await world.createRepository();
    const revision = await repository.commit({
      ...files,
      'decide.sh': 'echo it cannot >&2; exit 4',
      'tools/Dockerfile': dockerfile(),
    });

    const document = await world.push(repository, revision);

    expect(statesOf(document)).toEqual({ decision: 'failed/failed' });
    expect(document.state).toBe('failed');
  });

  it('does not run for `plan`, which shows the tasks of the file and says so', async () => {
    const repository = await world.createRepository();
    await repository.commit({ ...files, 'tools/Dockerfile': dockerfile() });

    const { stdout, exitCode } = await runSlipway(['plan'], { cwd: repository.path });

    expect(exitCode).toBe(0);
    expect(stdout).toContain('Further tasks come from the decision program');
    expect(stdout).toMatch(/report\s/);
  });
});
