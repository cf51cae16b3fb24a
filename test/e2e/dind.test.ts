import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { sidecarEngineVersion } from '../../docker/sidecar/sidecar-image.ts';
import { fleetTraces } from '../helpers/fleet-traces.ts';
import { statesOf } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const CLIENT = [
  'FROM debian:bookworm',
  'RUN apt-get update && apt-get install -y --no-install-recommends docker.io && rm -rf /var/lib/apt/lists/*',
].join('\n');
/** The engine of a task has no images, and nothing here to pull them from: its base is a little of what the task stands on. */
const BASE = [
  'files="/bin/sh /bin/cat /bin/grep /bin/true"',
  'cp -L --parents $files $(ldd $files | grep -o "/lib[^ ]*" | sort -u) /base',
  'tar -C /base -c . | docker import - base',
].join(' && ');
const BUILD = [
  'set -e',
  `docker version --format 'this engine is {{.Server.Version}}'`,
  'test -z "$(docker ps -qa)"',
  'mkdir /base',
  BASE,
  'mkdir /ctx && printf "FROM base\\nRUN echo made by docker build > /made\\nCMD [\\"cat\\", \\"/made\\"]\\n" > /ctx/Dockerfile',
  'docker build -t made /ctx',
  'docker run --rm made',
  'docker save made -o /image.tar',
].join('\n');

describe('a task with a private engine', () => {
  let imagesYml: object;
  beforeAll(() => {
    imagesYml = { client: { context: 'docker/client' } };
  });

  it('builds an image as one does by hand, and tasks of its push and of later ones run in it; what leads out of its engine is refused', async () => {
    await using world = await World.open();
    const repository = await world.createRepository({ '*': 1 }, { capabilities: { 1: ['dind'] } });
    await world.startWorker(1);
    const isMade = { command: 'cat /made; grep -q "made by docker build" /made', checkout: false };
    const path = 'public/image.tar';
    const tries = [
      ...['--privileged', '-v /:/host', '--pid host', '--network host', '--cap-add SYS_ADMIN'].map(
        (option) => `! docker run --rm ${option} base true`,
      ),
      'docker run --rm -v data:/data base true',
    ];
    const revision = await repository.commit({
      'docker/client/Dockerfile': CLIENT,
      'slipway.yml': {
        version: 1,
        images: imagesYml,
        tasks: {
          build: {
            image: { 'in-tree': 'client' },
            features: { dind: true },
            checkout: false,
            command: ['sh', '-c', BUILD],
            artifacts: { [path]: { type: 'file', path: '/image.tar' } },
            routes: ['dind.latest'],
          },
          out: {
            image: { 'in-tree': 'client' },
            features: { dind: true },
            checkout: false,
            command: ['sh', '-xec', ['mkdir /base', BASE, ...tries].join('\n')],
          },
          use: {
            ...isMade,
            dependencies: ['build'],
            image: { type: 'task-image', taskId: { 'task-reference': 'build' }, path },
          },
        },
      },
    });
    // Its image is installed from the distribution first.
    const pushId = await world.start(repository, revision);
    const push = await world.verdict(pushId).catch(() => world.verdict(pushId));
    const logOf = (label: string): Promise<string> =>
      world.log(push.tasks.find((task) => task.label === label)!.taskId);
    const logs = await Promise.all(['build', 'out'].map(logOf));
    expect([statesOf(push), logs.join('\n').slice(-3000)]).toEqual([
      { build: 'completed/completed', out: 'completed/completed', use: 'completed/completed' },
      expect.anything(),
    ]);
    const [, version = ''] = /^this engine is (\S+)$/m.exec(logs[0] ?? '') ?? [];
    expect(version.split('+')[0]).toBe(sidecarEngineVersion());
    expect(logs[0]).toMatch(/\] The private engine is ready: Docker Engine \S+ \(\d+ ms\)\n/);
    expect(logs[0]).toContain(`: Docker Engine ${version} (`);
    expect(logs[0]).toContain('made by docker build');
    // In the task's own words, and in the worker's.
    expect(logs[1]).toMatch(/Error response from daemon: Slipway refuses/);
    expect(logs[1]).toMatch(
      /\[slipway:error [^\]]*\] Slipway refuses this to a task's private engine: privileged/,
    );
    expect(await fleetTraces(world.fleet, 'dind')).toEqual([]);

    const later = await repository.commit({
      'slipway.yml': {
        version: 1,
        tasks: { later: { ...isMade, image: { type: 'indexed-image', namespace: 'dind.latest', path } } },
      },
    });
    expect(statesOf(await world.push(repository, later))).toEqual({ later: 'completed/completed' });
  });

  it('needs a grant of its project for its level, and the plan says so at its place', async () => {
    await using world = await World.open();
    const repository = await world.createRepository({ main: 1 }, { capabilities: { 3: ['dind'] } });
    await world.startWorker(1, ['control']);
    const task = { image: 'debian:bookworm', command: 'true', checkout: false };
    const revision = await repository.commit({
      'slipway.yml': [
        'version: 1',
        'tasks:',
        `  one: { image: "debian:bookworm", command: "true", features: { dind: true } }`,
      ].join('\n'),
    });
    const push = await world.push(repository, revision);
    expect(push).toMatchObject({ state: 'exception', reason: 'malformed-plan' });
    expect(push.findings).toEqual([
      expect.objectContaining({
        line: 3,
        column: 65,
        message: expect.stringMatching(/^task "one": "dind" is not granted to project ".*" at level 1$/),
      }),
    ]);
    // One that is for another level is not in the way.
    const other = await repository.commit({
      'slipway.yml': {
        version: 1,
        tasks: { one: { ...task, features: { dind: true }, when: { levels: [3] } } },
      },
    });
    expect(await world.push(repository, other)).toMatchObject({ state: 'completed' });
  });
});
