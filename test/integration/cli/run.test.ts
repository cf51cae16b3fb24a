import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { stringify } from 'yaml';
import type { ImageRegistry } from '../../helpers/image-registry.ts';
import { startImageRegistry } from '../../helpers/image-registry.ts';
import { docker } from '../../helpers/live-stack.ts';
import { Laptop } from '../../helpers/local-runs.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';
import { tinyProgram } from '../../helpers/tiny-program.ts';

jest.setTimeout(180_000);

const BASE = 'debian:bookworm';
const CONFIG = {
  version: 1,
  images: { tools: { context: 'docker/tools' }, broken: { context: 'docker/broken' } },
  defaults: { image: BASE },
  tasks: {
    compile: {
      env: { WHO: 'compile' },
      command:
        'echo "$WHO $SLIPWAY_LABEL in $PWD: $(cat src.txt)"; echo made of $(cat src.txt) > /made; mkdir /d; echo 1 > /d/one',
      artifacts: {
        'public/made.txt': { type: 'file', path: '/made' },
        'public/all': { type: 'directory', path: '/d' },
      },
    },
    use: {
      dependencies: ['compile'],
      inputs: { '/in/made': { task: 'compile', artifact: 'public/made.txt' } },
      command: 'cat /in/made',
    },
    fails: {
      command: 'echo left > /left; exit 9',
      artifacts: { 'public/left': { type: 'file', path: '/left' } },
    },
    collects: {
      dependencies: ['lacks'],
      requires: 'all-resolved',
      inputs: { '/in/none': { task: 'lacks', artifact: 'public/none', optional: true } },
      command: 'test ! -e /in/none && echo collected',
    },
    lacks: { command: 'true', artifacts: { 'public/none': { type: 'file', path: '/none' } } },
    late: { command: 'sleep 60', maxRunTime: 1 },
    overdue: {
      command: 'echo left > /left; sleep 60',
      maxRunTime: 60,
      deadline: '12 seconds',
      artifacts: { 'public/left': { type: 'file', path: '/left' } },
    },
    again: { command: 'test "$RUN_ID" -gt 0 || exit 7', onExitStatus: { retry: [7] }, retries: 1 },
    tree: { image: { 'in-tree': 'tools' }, command: 'cat /made-by-image' },
    broken: { image: { 'in-tree': 'broken' }, command: 'true' },
    cached: { command: 'cat /cache/seen; echo kept >> /cache/seen', cache: { seen: '/cache' } },
    secretive: { command: 'cat /run/secrets/TOKEN; wc -c < /run/secrets/TOKEN', secrets: ['TOKEN'] },
    waits: { command: 'echo waiting; sleep 60' },
    chats: { command: 'while echo chatting; do sleep 0.1; done', maxRunTime: 60 },
    release: { command: 'true', when: { refs: ['release/*'] } },
  },
};

/** In a shell: its size, a command that only Ctrl-C ends, and the end. */
const TYPED = [
  { seen: '/src# ', typed: 'stty size; tty\n' },
  { seen: '/src# ', typed: 'echo "sleeps $((3 + 4))"; sleep 100\n' },
  { seen: 'sleeps 7', typed: '\u0003' },
  { seen: '/src# ', typed: 'echo "after $((20 + 3))"; exit 6\n' },
];

describe('slipway run', () => {
  let laptop: Laptop;
  let registry: ImageRegistry;
  beforeAll(async () => {
    laptop = new Laptop();
    registry = await startImageRegistry({});
    const unpullable = { image: `${registry.host}/none:1`, command: 'true' };
    laptop.repository.commit({
      'slipway.yml': stringify({ ...CONFIG, tasks: { ...CONFIG.tasks, unpullable } }),
      'src.txt': 'committed\n',
      'docker/tools/Dockerfile': `FROM ${BASE}\nRUN echo built > /made-by-image\n`,
      'docker/broken/Dockerfile': `FROM ${BASE}\nRUN echo this is why && exit 3\n`,
    });
  });
  afterEach(async () => {
    expect(await laptop.leftInEngine()).toEqual([]);
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await laptop[Symbol.asyncDispose]();
  });

  it('says what to run first for a task whose inputs are not there, and takes them from that run afterwards', async () => {
    const before = await laptop.slipway(['run', 'use']);
    const first = await laptop.slipway(['run', 'compile']);
    const after = await laptop.slipway(['run', 'use']);

    expect(before.exitCode).toBe(2);
    expect(before.stderr).toContain('Type first: slipway run compile');
    expect(before.stdout).toBe('');
    expect(first.exitCode).toBe(0);
    expect(first.stdout).toContain('compile compile in /src: committed\n');
    expect(after.exitCode).toBe(0);
    expect(after.stdout).toContain('made of committed\n');
  });

  it('goes without what is optional and not there, and says so', async () => {
    const { exitCode, stdout } = await laptop.slipway(['run', 'collects']);

    expect(exitCode).toBe(0);
    expect(stdout).toContain('Nothing is put into /in/none: task "lacks" has left no "public/none"\n');
    expect(stdout).toContain('collected\n');
  });

  it('keeps artifacts as files and says where', async () => {
    const { exitCode, stderr } = await laptop.slipway(['run', 'compile']);

    const directory = /its log in (.*)$/m.exec(stderr)?.[1] ?? '';
    expect(exitCode).toBe(0);
    expect(stderr).toContain('2 artifacts');
    expect(readFileSync(join(directory, 'public/made.txt'), 'utf8')).toBe('made of committed\n');
    expect(readFileSync(join(directory, 'public/all/one'), 'utf8')).toBe('1\n');
    expect(readFileSync(join(directory, 'public/logs/live.log'), 'utf8')).toContain('compile in /src');
  });

  it('takes uncommitted changes only when it is told to, and says so', async () => {
    writeFileSync(join(laptop.repository.directory, 'src.txt'), 'changed\n');
    try {
      const committed = await laptop.slipway(['run', 'compile']);
      const worktree = await laptop.slipway(['run', 'compile', '--worktree']);

      expect(committed.stderr).toContain('not committed, so not looked at: src.txt');
      expect(committed.stdout).toContain('in /src: committed\n');
      expect(worktree.stderr).not.toContain('not committed');
      expect(worktree.stdout).toContain('in /src: changed\n');
    } finally {
      laptop.repository.git('checkout', '--quiet', '--', 'src.txt');
    }
  });

  it.each([
    ['fails', 'fails: failed (run 0); 1 artifact', 'exit code 9'],
    ['lacks', 'lacks: failed/artifact-missing', '/none is absent'],
    ['late', 'late: failed/max-run-time-exceeded', 'ran longer than 1 s'],
    ['unpullable', 'unpullable: exception/resource-unavailable', '/none:1'],
  ])('ends with 1 when the task %s', async (label, end, why) => {
    const { exitCode, stdout, stderr } = await laptop.slipway(['run', label]);

    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(end) });
    expect(stdout).toContain(why);
  });

  it('ends at the deadline of the task, counted from here on, and keeps what there is', async () => {
    const { exitCode, stderr } = await laptop.slipway(['run', 'overdue']);

    expect({ exitCode, stderr }).toEqual({
      exitCode: 3,
      stderr: expect.stringContaining('overdue: exception/deadline-exceeded (run 0); 1 artifact'),
    });
  });

  it('runs again what onExitStatus says, while retries last', async () => {
    const { exitCode, stdout, stderr } = await laptop.slipway(['run', 'again']);

    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      'exception/intermittent-task: exit code 7. A new run follows. It is 2 of at most ',
    );
    expect(stderr).toContain('again: completed (run 1)');
  });

  it('keeps caches from one run to the next, also for a shell', async () => {
    const first = await laptop.slipway(['run', 'cached']);
    const second = await laptop.slipway(['run', 'cached']);
    const shell = await laptop.slipway(['run', 'cached', '--shell'], 'wc -l < /cache/seen\n');

    expect(first.stdout).not.toContain('kept\n');
    expect(second.stdout).toContain('kept\n');
    expect(shell.stdout).toBe('2\n');
  });

  it('gives secrets that this machine has, and hides them in the log', async () => {
    const env = { SLIPWAY_SECRET_TOKEN: 'of-this-machine' };

    const without = await laptop.slipway(['run', 'secretive']);
    const given = await laptop.slipway(['run', 'secretive'], '', env);

    expect(without).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('resource-unavailable') });
    expect(given.exitCode).toBe(0);
    expect(given.stdout).toContain('***15\n');
    expect(given.stdout).not.toContain('of-this-machine');
  });

  it('builds its in-tree image here, once, or anew when it is told to', async () => {
    const first = await laptop.slipway(['run', 'tree']);
    const second = await laptop.slipway(['run', 'tree']);
    const rebuilt = await laptop.slipway(['run', 'tree', '--rebuild']);

    expect(first.stdout).toContain('built\n');
    expect([first.exitCode, second.exitCode, rebuilt.exitCode]).toEqual([0, 0, 0]);
    expect(second.stderr).toMatch(/tools: (was there|built in .*, 1 of 1 steps from the cache)/);
    expect(rebuilt.stderr).toMatch(/tools: built in .*, 0 of 1 steps from the cache/);
  });

  it('ends with 1 when its image cannot be built, and shows why', async () => {
    const { exitCode, stderr } = await laptop.slipway(['run', 'broken']);

    expect(exitCode).toBe(1);
    expect(stderr).toContain('this is why');
  });

  it('runs in another image when it is told to', async () => {
    const inTree = await laptop.slipway(['run', 'fails', '--image', 'tools']);
    const plain = await laptop.slipway(['run', 'tree', '--image', BASE]);

    expect(inTree.stderr).toContain('tools:');
    expect(plain.exitCode).toBe(1);
    expect(plain.stdout).toContain('/made-by-image: No such file');
  });

  it('pulls what its image and its task need with the login that docker itself has, or the one that is named', async () => {
    const login = { username: 'me', password: 'of-the-registry' };
    await using closed = await startImageRegistry({}, { password: login });
    for (const name of ['plain', 'base'])
      await closed.put(name, '1', { 'bin/true': tinyProgram(`${name} of ${closed.host}\n`) });
    const [plain, base] = ['plain', 'base'].map((name) => `${closed.host}/${name}:1`);
    const { directory } = laptop.repository;
    laptop.repository.git('checkout', '--quiet', '-b', 'private');
    const task = (image: unknown): object => ({ image, command: ['/bin/true'], checkout: false });
    laptop.repository.commit({
      'slipway.yml': stringify({
        version: 1,
        images: { closed: { context: 'docker/closed' } },
        tasks: { plain: task(plain), tree: task({ 'in-tree': 'closed' }) },
      }),
      'docker/closed/Dockerfile': `FROM ${base}\nLABEL a=b\n`,
    });
    await using own = await temporaryDirectory('slipway-docker-');
    const named = join(own.path, 'named.json');
    writeFileSync(join(own.path, 'config.json'), JSON.stringify({ auths: { [closed.host]: login } }));
    writeFileSync(named, '{}');
    const env = { DOCKER_CONFIG: own.path };
    try {
      const refused = await laptop.slipway(['run', 'plain'], '', { ...env, SLIPWAY_DOCKER_CONFIG: named });
      const unbuilt = await laptop.slipway(['image', 'build', 'closed'], '', { DOCKER_CONFIG: directory });
      const ran = await laptop.slipway(['run', 'plain'], '', env);
      const built = await laptop.slipway(['image', 'build', 'closed'], '', env);
      const tree = await laptop.slipway(['run', 'tree'], '', env);

      const advice = `has no credentials for registry "${closed.host}"; `;
      expect(refused).toMatchObject({ exitCode: 1 });
      expect(refused.stdout).toContain(`${named} (SLIPWAY_DOCKER_CONFIG) ${advice}`);
      expect(unbuilt).toMatchObject({ exitCode: 2 });
      expect(unbuilt.stderr).toContain(
        `${join(directory, 'config.json')} ${advice}type: docker login ${closed.host}`,
      );
      expect(ran).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('plain of ') });
      expect(built).toMatchObject({ exitCode: 0 });
      expect(tree).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('base of ') });
      const printed = [refused, unbuilt, ran, built, tree].map(({ stdout, stderr }) => `${stdout}${stderr}`);
      expect(printed.filter((text) => text.includes(login.password))).toEqual([]);
    } finally {
      laptop.repository.git('checkout', '--quiet', 'main');
      for (const image of [plain, base])
        await docker('image', 'rm', '--force', image ?? '').catch(() => undefined);
    }
  });

  it('ends with 3 when no engine answers', async () => {
    const { exitCode, stderr } = await laptop.slipway(['run', 'fails'], '', { DOCKER_HOST: 'unix:///none' });

    expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: expect.stringContaining('unix:///none') });
  });

  it('refuses what is no task, or none of this branch', async () => {
    const unknown = await laptop.slipway(['run', 'compil']);
    const other = await laptop.slipway(['run', 'release']);
    const there = await laptop.slipway(['run', 'release', '--ref', 'release/1']);

    expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('compile') });
    expect(other).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--ref') });
    expect(there.exitCode).toBe(0);
  });

  it('runs the decision program, and then what that has printed', async () => {
    const printed = { tasks: { printed: { image: BASE, command: 'echo printed by a program' } } };
    laptop.repository.commit({
      'slipway.yml': stringify({
        ...CONFIG,
        decision: { image: BASE, command: `echo '${JSON.stringify(printed)}'` },
      }),
    });
    try {
      const before = await laptop.slipway(['run', 'printed']);
      const decision = await laptop.slipway(['run', 'decision']);
      const after = await laptop.slipway(['run', 'printed']);
      const unknown = await laptop.slipway(['run', 'unprinted']);

      expect(before).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('Type first: slipway run decision'),
      });
      expect(decision.exitCode).toBe(0);
      expect(after.exitCode).toBe(0);
      expect(after.stdout).toContain('printed by a program\n');
      expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('unprinted') });
    } finally {
      laptop.repository.git('reset', '--quiet', '--hard', 'HEAD~1');
    }
  });

  it('runs what taskgraph printed, in an image that only that names', async () => {
    const definition = (payload: object): object => ({ provisionerId: 'a', workerType: 'b', payload });
    const printed = {
      'docker-image-only': {
        kind: 'docker-image',
        label: 'docker-image-only',
        dependencies: {},
        task: definition({ image: 'builder', env: {} }),
      },
      test: {
        kind: 'test',
        label: 'test',
        dependencies: { 'docker-image': 'docker-image-only' },
        task: definition({
          image: {
            type: 'task-image',
            taskId: { 'task-reference': '<docker-image>' },
            path: 'public/image.tar.zst',
          },
          command: ['cat', '/who'],
        }),
      },
    };
    laptop.repository.commit({
      'slipway.yml': stringify({ version: 1, decision: { image: BASE, command: ['cat', 'graph.json'] } }),
      'graph.json': JSON.stringify(printed),
      'taskcluster/docker/only/Dockerfile': `FROM ${BASE}\nRUN echo made for taskgraph > /who\n`,
    });
    try {
      const decision = await laptop.slipway(['run', 'decision']);
      const test = await laptop.slipway(['run', 'test']);

      expect(decision.exitCode).toBe(0);
      expect(test.stdout).toContain('made for taskgraph\n');
      expect(test.exitCode).toBe(0);
    } finally {
      laptop.repository.git('reset', '--quiet', '--hard', 'HEAD~1');
    }
  });

  it('is stopped by Ctrl-C: the command is killed and nothing is left', async () => {
    const begun = await laptop.begin(['run', 'waits'], 'waiting\n');
    const during = await laptop.leftInEngine();

    begun.child.kill('SIGINT');
    const { exitCode, printed } = await begun.ended();

    expect(during).toHaveLength(2);
    expect(exitCode).toBe(130);
    expect(printed).toContain('waits: exception/canceled');
  });

  it.each<[string, { args: string[]; prints: string; typed?: string; isEnded?: boolean }]>([
    ['Ctrl-C ends it too', { args: ['run', 'waits'], prints: 'waiting\n', isEnded: true }],
    ['Ctrl-C ends it while it prints', { args: ['run', 'chats'], prints: 'chatting\n', isEnded: true }],
    ['it prints more', { args: ['run', 'chats'], prints: 'chatting\n' }],
    [
      'its shell prints more',
      {
        args: ['run', 'waits', '--shell'],
        prints: 'one\n',
        typed: 'echo one; while sleep 0.1; do echo more; echo aside >&2; done\n',
      },
    ],
  ])(
    'leaves nothing where nobody reads any more what it prints, and %s',
    async (_claim, { args, prints, typed, isEnded }) => {
      const begun = await laptop.begin(args, prints, typed);
      const during = await laptop.leftInEngine();

      begun.child.stdout.destroy();
      if (isEnded) begun.child.kill('SIGINT');
      const { exitCode } = await begun.ended();

      expect(during).not.toEqual([]);
      expect(exitCode).toBe(130);
    },
  );

  it('is put away by Ctrl-C where nobody reads its words aside', async () => {
    const begun = await laptop.begin(['run', 'waits'], 'waiting\n');

    begun.child.stderr.destroy();
    begun.child.kill('SIGINT');

    expect((await begun.ended()).exitCode).toBe(130);
  });

  it('clears away what a killed run has left, and not what one that goes on has', async () => {
    const killed = await laptop.begin(['run', 'waits'], 'waiting\n');
    killed.child.kill('SIGKILL');
    await killed.ended();
    const goesOn = await laptop.begin(['run', 'waits'], 'waiting\n');
    const left = await laptop.leftInEngine();

    const other = await laptop.slipway(['run', 'again']);
    const still = await laptop.leftInEngine();
    goesOn.child.kill('SIGINT');
    await goesOn.ended();

    expect(left).toHaveLength(2);
    expect(other.exitCode).toBe(0);
    expect(still).toEqual(left);
  });

  describe('--shell', () => {
    it('gives a shell where the command would run, and its exit code', async () => {
      const script = 'echo "$WHO in $PWD has $(cat src.txt)"; echo aside >&2; exit 5\n';

      const { exitCode, stdout, stderr } = await laptop.slipway(['run', 'compile', '--shell'], script);

      expect(stdout).toContain('compile in /src has committed\n');
      expect(stderr).toContain('aside\n');
      expect(stdout).not.toContain('aside');
      expect(exitCode).toBe(5);
    });

    it('is a terminal where one is there, of the same size, and Ctrl-C reaches what runs in it', async () => {
      const { exitCode, stdout } = await laptop.onTerminal(['run', 'compile', '--shell'], TYPED);

      expect(stdout).toContain('24 97');
      expect(stdout).toContain('/dev/pts/');
      expect(stdout).toContain('after 23');
      expect(exitCode).toBe(6);
    });
  });
});
