import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { localRuns } from '../../client/cli/local-runs.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { startAlteredEngine } from '../helpers/altered-engine.ts';
import { DEV_ENGINE } from '../helpers/dev-engine.ts';
import { onTerminal } from '../helpers/local-runs.ts';
import { scratchDirectory } from '../helpers/git-repository.ts';
import type { TestRepository } from '../helpers/live-stack.ts';
import { docker, forgetImage, statesOf, taskContainers, until } from '../helpers/live-stack.ts';
import type { ProgramResult } from '../helpers/run-program.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const FILES = {
  'docker/tools/Dockerfile': 'FROM debian:bookworm\nRUN head -c 100 /dev/urandom > /chance\n',
  'docker/bare/Dockerfile': 'FROM scratch\nCOPY word /word\n',
  'docker/bare/word': 'hello',
  'slipway.yml': {
    version: 1,
    images: { tools: { context: 'docker/tools' }, bare: { context: 'docker/bare' } },
    tasks: {
      chance: {
        image: { 'in-tree': 'tools' },
        command: 'sha256sum < /chance | tee /sum',
        artifacts: { 'public/sum': { type: 'file', path: '/sum' } },
      },
      compare: {
        image: 'debian:bookworm',
        dependencies: ['chance'],
        inputs: { '/in/sum': { task: 'chance', artifact: 'public/sum' } },
        command: 'cat /in/sum',
      },
    },
  },
};
const WAITS = {
  'slipway.yml': {
    version: 1,
    tasks: {
      waits: {
        image: 'debian:bookworm',
        env: { GIVEN: 'by the task' },
        command: 'echo begun; while [ ! -e /go ]; do sleep 0.2; done; cat /go',
      },
    },
  },
};

describe('beside a server', () => {
  let world: World;
  let repository: TestRepository;
  let pushed: PushDocument;
  const scratch = scratchDirectory();
  const env = (): NodeJS.ProcessEnv => ({
    SLIPWAY_HOME: world.home,
    XDG_CACHE_HOME: scratch.path,
    NO_COLOR: '1',
  });
  const slipway = (
    args: readonly string[],
    input?: string,
    more: NodeJS.ProcessEnv = {},
  ): Promise<ProgramResult> =>
    runSlipway(args, {
      cwd: repository.path,
      env: { ...env(), ...more },
      timeoutMs: 300_000,
      ...(input === undefined ? {} : { input }),
    });
  beforeAll(async () => {
    world = await World.open();
    await world.startWorker();
    repository = await world.createRepository();
    pushed = await world.push(repository, await repository.commit(FILES));
  });
  afterEach(async () => {
    const { fleet } = await localRuns(env());
    expect(await taskContainers(fleet)).toEqual([]);
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  const sumOf = async (label: string): Promise<string> => {
    const { taskId } = pushed.tasks.find((task) => task.label === label) ?? { taskId: '' };
    return /^([0-9a-f]{64}) /m.exec(await world.live.log(taskId))?.[1] ?? `no sum in the log of ${label}`;
  };

  it('slipway run takes the image that the push has built, by the imageHash of plan, and writes nothing into the store', async () => {
    // The last that a push writes is that it is open no more.
    await until(async () => (await world.objects('level-1/open-pushes/')).length === 0);
    const before = await world.objects();
    const plan = JSON.parse((await slipway(['plan', '--json'])).stdout) as {
      images: { imageHash: string }[];
    };

    const { exitCode, stdout, stderr } = await slipway(['run', 'chance']);

    expect(statesOf(pushed)).toEqual({ chance: 'completed/completed', compare: 'completed/completed' });
    expect(exitCode).toBe(0);
    expect(stdout).toContain(await sumOf('chance'));
    expect(stderr).toContain(plan.images[0]?.imageHash);
    expect(stderr).toContain('in the store, built by image/');
    expect(await world.objects()).toEqual(before);
  });

  it('slipway run takes inputs from the push of the same revision', async () => {
    const { exitCode, stdout } = await slipway(['run', 'compare']);

    expect(exitCode).toBe(0);
    expect(stdout).toContain(await sumOf('chance'));
  });

  it('images are made for the engine that makes them, with a word where CI has others, and CI’s are taken when they are asked for', async () => {
    await using arm = await startAlteredEngine(DEV_ENGINE.replace('unix://', ''), scratch.path, {
      change: (url, answer) => (url.endsWith('/info') ? { ...answer, Architecture: 'aarch64' } : answer),
    });
    const there = (...args: string[]): Promise<ProgramResult> =>
      slipway(args, undefined, { DOCKER_HOST: arm.address });
    const hashFor = async (platform: string): Promise<string> => {
      const { stdout } = await slipway(['image', 'hash', 'bare', '--platform', platform, '--json']);
      return (JSON.parse(stdout) as { images: { imageHash: string }[] }).images[0]?.imageHash ?? '';
    };
    const [forArm, forCi] = [await hashFor('linux/arm64'), await hashFor('linux/amd64')];
    const word = "images are for linux/arm64 here, as the engine is; CI's are for linux/amd64";
    try {
      const own = await there('image', 'build', 'bare');
      const asked = await there('image', 'build', 'bare', '--platform', 'linux/amd64');
      const run = await there('run', 'chance', '--platform', 'linux/amd64');
      const plain = await there('run', 'compare', '--platform', 'linux/amd64');

      expect(own).toMatchObject({ exitCode: 0, stdout: `slipway.invalid/image:${forArm}\n` });
      expect(own.stderr).toContain(word);
      expect(await docker('inspect', '--format', '{{.Architecture}}', own.stdout.trim())).toBe('arm64');
      expect(asked).toMatchObject({ exitCode: 0, stdout: `slipway.invalid/image:${forCi}\n` });
      expect(run.exitCode).toBe(0);
      expect(run.stdout).toContain(await sumOf('chance'));
      expect(run.stderr).toContain('in the store, built by image/');
      expect([asked, run].filter(({ stderr }) => stderr.includes('images are for'))).toEqual([]);
      expect(plain).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('--platform is for images of the tree'),
      });
    } finally {
      for (const hash of [forArm, forCi]) await forgetImage(`slipway.invalid/image:${hash}`);
    }
  });

  describe('slipway shell', () => {
    let pushId: string;
    beforeAll(async () => {
      pushId = await world.live.start(repository, await repository.commit(WAITS));
      await until(async () => {
        const { stdout } = await slipway(['logs', 'waits']);
        return stdout.includes('begun\n');
      });
    });

    it('joins the container of a task that runs, with its environment and exit code', async () => {
      const { exitCode, stdout, stderr } = await slipway(
        ['shell', 'waits'],
        'echo "$GIVEN in $PWD"; echo aside >&2; exit 7\n',
      );

      expect({ exitCode, stdout, stderr }).toEqual({
        exitCode: 7,
        stdout: 'by the task in /src\n',
        stderr: 'aside\n',
      });
    });

    it('is a terminal where one is there', async () => {
      const { exitCode, stdout } = await onTerminal(['shell', 'waits'], {
        cwd: repository.path,
        env: env(),
        typed: [
          { seen: '/src# ', typed: 'stty size\n' },
          // Said by what Ctrl-C is to end: the terminal is given to it before it begins.
          { seen: '/src# ', typed: `sh -c 'echo "sleeps $((3 + 4))"; exec sleep 100'\n` },
          { seen: 'sleeps 7', typed: '\u0003' },
          { seen: '/src# ', typed: 'echo "after $((20 + 3))"; exit 4\n' },
        ],
      });

      expect(stdout).toContain('24 97');
      expect(stdout).toContain('after 23');
      expect(exitCode).toBe(4);
    });

    it('says which engine it is when that cannot be reached from here', async () => {
      const { exitCode, stderr } = await slipway([
        'shell',
        'waits',
        '--docker-host',
        'unix:///nowhere/docker.sock',
      ]);

      expect(exitCode).toBe(2);
      expect(stderr).toContain('the engine at unix:///nowhere/docker.sock does not answer');
      expect(stderr).toContain('--docker-host');
    });

    it('leaves the task to itself: what it does there is seen, and the task ends by its own command', async () => {
      await slipway(['shell', 'waits'], 'echo told by the shell > /go\n');

      const verdict = await world.live.verdict(pushId);
      const after = await slipway(['shell', 'waits']);

      expect(statesOf(verdict)).toEqual({ waits: 'completed/completed' });
      expect((await slipway(['logs', 'waits'])).stdout).toContain('told by the shell');
      expect(after.exitCode).toBe(2);
      expect(after.stderr).toContain('does not run now: it is completed');
    });
  });
});
