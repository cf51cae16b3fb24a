import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';
import { createCommandLine } from '../../../client/cli/command-line.ts';
import { runSlipway, runVerb } from '../../helpers/run-slipway.ts';

const VERBS = [
  'setup',
  'up',
  'down',
  'doctor',
  'plan',
  'push',
  'pushes',
  'status',
  'watch',
  'logs',
  'artifacts',
  'download',
  'cancel',
  'run',
  'shell',
  'image hash',
  'image build',
  'image load',
  'image list',
  'image export',
  'image rm',
  'hook install',
  'hook receive',
  'worker',
];

const GOOD = `version: 1
images:
  base: { context: docker/base }
  other: { context: docker/other }
tasks:
  unit: { image: { in-tree: base }, command: ["true"] }
  docs: { image: debian:bookworm, command: ["true"] }
`;

const DOCKERFILES = {
  'docker/base/Dockerfile': 'FROM debian:bookworm\n',
  'docker/other/Dockerfile': 'FROM debian:bookworm\nRUN true\n',
};

/** Starting a process takes a while on a busy machine. */
/** What taskgraph printed for a small project. */
const TASKGRAPH = fileURLToPath(new URL('../../fixtures/taskgraph/full.json', import.meta.url));

const SLOW_MS = 60_000;

describe('slipway', () => {
  it.each(VERBS)('says what %s does, with examples', async (verb) => {
    const help = await createCommandLine(verb.split(' '), () => Promise.resolve()).getHelp();

    expect(help).toContain(`slipway ${verb}`);
    expect(help).toContain('Examples:');
  });

  it(
    'lists every verb and prints a script that completes them',
    async () => {
      using scratch = scratchDirectory();

      const [help, completion, words] = await Promise.all([
        runSlipway(['--help'], { cwd: scratch.path }),
        runSlipway(['completion'], { cwd: scratch.path }),
        runSlipway(['--get-yargs-completions', 'slipway', 'pu'], { cwd: scratch.path }),
      ]);

      expect([help, completion, words].map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
      for (const verb of new Set(VERBS.map((each) => each.split(' ')[0])))
        expect(help.stdout).toContain(`slipway ${verb}`);
      expect(completion.stdout).toContain('begin-slipway-completions');
      expect(words.stdout.split('\n').map((line) => line.split(':')[0])).toEqual(
        expect.arrayContaining(['push', 'pushes']),
      );
    },
    SLOW_MS,
  );

  it.each([
    [['plan', '--levle', '3'], 'Unknown argument'],
    [['pln'], 'There is no verb "pln": did you mean plan?'],
    [['init'], 'There is no verb "init": slipway --help lists them'],
    [['init', '--json'], 'There is no verb "init": slipway --help lists them'],
    [['image', 'prune', '--json'], 'There is no verb "image prune": slipway image --help lists them'],
    [['image', 'lits'], 'There is no verb "image lits": did you mean image list?'],
    [['help', 'nonsense'], 'There is no verb "nonsense": slipway --help lists them'],
    [['help', 'psuh'], 'There is no verb "psuh": did you mean push?'],
    [['help', 'image', 'lits'], 'There is no verb "image lits": did you mean image list?'],
    [['pln', '--help'], 'There is no verb "pln": did you mean plan?'],
    [['--json', 'status'], 'options stand behind the verb: slipway status --json'],
    [['-w', 'push', 'my repo'], "options stand behind the verb: slipway push 'my repo' -w"],
    [['--json', 'image', 'list'], 'options stand behind the verb: slipway image list --json'],
    [['image', '--json', 'list'], 'options stand behind the verb: slipway image list --json'],
    [['--json'], 'Say what to do: slipway --help lists the verbs'],
    [[], 'Say what to do'],
    [['image'], 'Say what to do'],
    [['plan', '--revv', 'x'], 'Unknown argument: revv; did you mean --rev?'],
    [['image', 'load', 'a', '--tagg', 'x'], 'Unknown argument: tagg; did you mean --tag?'],
    [['plan', '--json=foo'], '--json takes no value, and "--json=foo" gives it one'],
    [['pushes', '-q=yes'], '"-q=yes" gives it one'],
    [['logs'], '<task> is missing: slipway logs <task>; --help tells'],
    [['download'], '<task> and <name> are missing: slipway download <task> <name>;'],
    [['download', 'unit'], '<name> is missing: slipway download <task> <name>;'],
    [['image', 'load'], '<what> is missing: slipway image load <what>;'],
    [['image', 'load', 'lint', '--tag', 'BAD TAG'], '--tag "BAD TAG" is no name'],
    [['image', 'load', 'lint', '--tag', `lint@sha256:${'0'.repeat(64)}`], 'is no name'],
    [['worker', 'all'], 'Missing required argument: level'],
    [['worker', 'all', '--level', '4'], 'Invalid values'],
    [['pushes', '--limit', 'many'], '--limit must be a whole number'],
    [['plan', '/no/such/directory'], 'There is no directory'],
  ])('exits with 2 for %j', async (args, words) => {
    const { exitCode, stdout, stderr } = await runVerb(args);

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(words);
  });

  it.each([
    [['help'], 'slipway <verb>'],
    [['help', 'help'], 'slipway <verb>'],
    [['help', 'completion'], 'slipway completion'],
    [['help', 'image'], 'slipway image hash'],
    [['help', 'image', 'list', 'lint'], 'slipway image list'],
    [['push', '.', '-h'], 'slipway push [repo]'],
  ])('has help for %j', async (args, words) => {
    expect(await createCommandLine(args, () => Promise.resolve()).getHelp()).toContain(words);
  });

  it(
    'prints the help of a verb that stands behind "help" too',
    async () => {
      using scratch = scratchDirectory();

      const [behind, asked] = await Promise.all([
        runSlipway(['help', 'push'], { cwd: scratch.path }),
        runSlipway(['push', '--help'], { cwd: scratch.path }),
      ]);

      expect(behind).toEqual(asked);
      expect(behind).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('slipway push [repo]') });
    },
    SLOW_MS,
  );

  it(
    'is a process whose exit code says how it ended',
    async () => {
      using scratch = scratchDirectory();

      const { exitCode, stderr } = await runSlipway(['pushes', '--of-whom'], { cwd: scratch.path });

      expect({ exitCode, stderr }).toEqual({
        exitCode: 2,
        stderr: 'slipway: Unknown argument: of-whom\n',
      });
    },
    SLOW_MS,
  );
});

describe('slipway down', () => {
  it(
    'purges nothing where nothing is, names the stack that may be meant, and says that it deleted nothing',
    async () => {
      using scratch = scratchDirectory();
      const here = join(scratch.path, 'greet');
      const above = join(scratch.path, '.slipway');
      mkdirSync(here);
      mkdirSync(above);
      const stackFile = join(above, 'stack.json');
      writeFileSync(stackFile, '{}');

      const [purge, named] = await Promise.all([
        runSlipway(['down', '--purge'], { cwd: here, env: { SLIPWAY_HOME: '' } }),
        runSlipway(['down', '--purge'], { cwd: here, env: { SLIPWAY_HOME: join(here, 'own') } }),
      ]);

      expect(purge).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: expect.stringMatching(
          /no state lies in \S+greet\/\.slipway; the stack that answers here is in (\S+): SLIPWAY_HOME=\1 slipway down --purge\n$/,
        ),
      });
      expect(purge.stderr).toContain(`is in ${realpathSync(above)}: `);
      expect(existsSync(stackFile)).toBe(true);
      expect(named).toEqual({ exitCode: 0, stdout: `${join(here, 'own')}: nothing is there\n`, stderr: '' });
    },
    SLOW_MS,
  );
});

describe('slipway push', () => {
  it('refuses a ref that is not there, or does not hold the revision, before it starts anything', async () => {
    using scratch = scratchDirectory();
    const repository = new GitRepository(scratch.path);
    const first = repository.commit({ 'slipway.yml': GOOD, ...DOCKERFILES });
    repository.git('branch', 'release/1');
    const second = repository.commit({ 'note.txt': 'a' });
    const push = (...args: string[]): ReturnType<typeof runVerb> =>
      runVerb(['push', scratch.path, '--again', ...args]);

    const missing = await push('--ref', 'mian');
    const other = await push('--rev', second, '--ref', 'release/1');
    const good = await push('--rev', first, '--ref', 'main');

    expect(missing.exitCode).toBe(2);
    expect(missing.stderr).toContain(`There is no refs/heads/mian in ${scratch.path}: did you mean "main"?`);
    expect(other.exitCode).toBe(2);
    expect(other.stderr).toContain(
      `release/1 does not hold ${second.slice(0, 12)}: it is at ${first.slice(0, 12)}. It is on: --ref main\n`,
    );
    // It gets as far as to the stack, of which there is none.
    expect(good.exitCode).toBe(3);
  });
});

describe('slipway plan', () => {
  it(
    'decides without a server: tasks, needed images, and unknown actions',
    async () => {
      using scratch = scratchDirectory();
      const repository = new GitRepository(join(scratch.path, 'hello world'));
      const revision = repository.commit({ 'slipway.yml': GOOD, ...DOCKERFILES });

      const { exitCode, stdout, stderr } = await runSlipway(['plan', 'hello world', '--json'], {
        cwd: scratch.path,
      });

      const document = JSON.parse(stdout) as { images: { name: string }[]; tasks: { label: string }[] };
      expect(exitCode).toBe(0);
      expect(document).toMatchObject({
        revision,
        ref: 'refs/heads/main',
        project: 'hello-world',
        level: 1,
        images: [
          {
            name: 'base',
            contextHash: expect.stringMatching(/^[0-9a-f]{64}$/),
            imageHash: null,
            action: 'unknown',
          },
        ],
        tasks: [{ label: 'unit' }, { label: 'docs' }],
      });
      expect(Object.keys(document.images[0] ?? {}).sort()).toEqual([
        'action',
        'contextHash',
        'explanation',
        'imageHash',
        'name',
        'why',
      ]);
      expect(stderr).toContain('no stack runs');
    },
    SLOW_MS,
  );

  it(
    'plans a linked worktree as the project of its repository, by what is checked out there',
    async () => {
      using scratch = scratchDirectory();
      const repository = new GitRepository(join(scratch.path, 'app'));
      repository.commit({ 'slipway.yml': GOOD, ...DOCKERFILES });
      repository.git('clone', '--quiet', '--bare', '.', join(scratch.path, 'served.git'));
      const served = new GitRepository(join(scratch.path, 'served.git'), { bare: true });
      const worktrees = [repository, served].map((from, at) => {
        const directory = join(scratch.path, `fix-${at}`);
        from.git('worktree', 'add', '--quiet', '-b', 'fix', directory);
        from.git('-C', directory, 'commit', '--quiet', '--allow-empty', '-m', 'more');
        return { directory, revision: from.git('-C', directory, 'rev-parse', 'HEAD') };
      });

      const plans = await Promise.all(
        worktrees.map(async ({ directory }) => {
          writeFileSync(join(directory, 'slipway.yml'), GOOD.replace('docs', 'pages'));
          const { stdout, stderr } = await runVerb(['plan', directory, '--json']);
          expect(stderr).toContain('not looked at: slipway.yml');
          return JSON.parse(stdout) as unknown;
        }),
      );

      const ref = 'refs/heads/fix';
      expect(plans).toMatchObject([
        { project: 'app', ref, revision: worktrees[0]?.revision },
        { project: 'served', ref, revision: worktrees[1]?.revision },
      ]);
    },
    SLOW_MS,
  );

  it(
    'takes a graph from a file, also one of taskgraph, as if the decision program had printed it',
    async () => {
      using scratch = scratchDirectory();
      const tree = join(scratch.path, 'tree');
      new GitRepository(tree).commit({
        'slipway.yml': 'version: 1\ndecision: { image: debian:bookworm, command: [taskgraph, full, -J] }\n',
        'taskcluster/docker/base/Dockerfile': 'FROM debian:bookworm\n',
        'taskcluster/docker/fetch/Dockerfile': 'FROM debian:bookworm\n',
        'taskcluster/docker/build/Dockerfile': 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n',
      });

      const args = ['plan', tree, '--graph', TASKGRAPH, '--tasks', 'test-unit'];
      const { stdout, stderr, exitCode } = await runVerb([...args, '--json']);

      const { images, tasks, skipped } = JSON.parse(stdout) as Record<string, object[]>;
      expect(exitCode).toBe(0);
      expect(tasks).toMatchObject([
        { label: 'fetch-data' },
        { label: 'build-linux64' },
        { label: 'test-unit' },
        { label: 'decision' },
      ]);
      expect(images).toMatchObject([{ name: 'base' }, { name: 'build' }, { name: 'fetch' }]);
      expect(skipped).toContainEqual({
        label: 'windows-unit',
        why: expect.stringContaining('generic-worker'),
      });
      expect(stderr).toContain(
        `${TASKGRAPH}:984:13: warning: task "test-unit": device "loopbackVideo" is not given`,
      );

      const missing = await runVerb(['plan', tree, '--graph', join(scratch.path, 'none')]);
      expect(missing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('none cannot be read') });
    },
    SLOW_MS,
  );

  it(
    'takes the branch from the revision that is named, and the tasks from all patterns',
    async () => {
      using scratch = scratchDirectory();
      const repository = new GitRepository(scratch.path);
      repository.commit({ 'slipway.yml': GOOD, ...DOCKERFILES });
      repository.git('branch', 'feature/x');

      const args = ['plan', join(scratch.path, 'docker'), '--rev', 'feature/x', '--tasks', 'do*', '--json'];
      const { stdout } = await runVerb(args);

      expect(JSON.parse(stdout)).toMatchObject({
        ref: 'refs/heads/feature/x',
        images: [],
        tasks: [{ label: 'docs' }],
        skipped: [{ label: 'unit' }],
      });
    },
    SLOW_MS,
  );

  it(
    'prints every mistake with its place and exits with 2',
    async () => {
      using scratch = scratchDirectory();
      const text = 'version: 1\ntasks:\n  unit: { image: { in-tree: nope }, comand: ["true"] }\n';
      new GitRepository(scratch.path).commit({ 'slipway.yml': text });

      const { exitCode, stdout, stderr } = await runVerb(['plan', scratch.path]);

      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
      expect(stderr).toMatch(/^slipway\.yml:3:\d+: .*nope/m);
      expect(stderr).toMatch(/^slipway\.yml:3:\d+: .*comand/m);
    },
    SLOW_MS,
  );

  it(
    'exits with 2 when there is no slipway.yml',
    async () => {
      using scratch = scratchDirectory();
      new GitRepository(scratch.path).commit({ 'README.md': 'nothing' });

      const { exitCode, stderr } = await runVerb(['plan', scratch.path]);

      expect(exitCode).toBe(2);
      expect(stderr).toContain('No slipway.yml');
    },
    SLOW_MS,
  );

  it(
    'plans what is committed and says which tracked files differ',
    async () => {
      using scratch = scratchDirectory();
      const repository = new GitRepository(scratch.path);
      repository.commit({ 'slipway.yml': GOOD, ...DOCKERFILES });
      repository.commit({ 'slipway.yml': GOOD.replace('docs', 'pages'), ...DOCKERFILES });
      repository.git('reset', '--quiet', '--soft', 'HEAD~1');

      const loud = await runVerb(['plan', scratch.path, '--json']);
      const quiet = await runVerb(['plan', scratch.path, '--json', '--quiet']);

      expect(JSON.parse(loud.stdout)).toMatchObject({ tasks: [{ label: 'unit' }, { label: 'docs' }] });
      expect(loud.stderr).toContain('not committed, so not looked at: slipway.yml');
      expect(quiet.stderr).toBe('');
    },
    SLOW_MS,
  );
});

describe('slipway image hash', () => {
  it(
    'prints the hash that the plan has, also of an image that no task needs',
    async () => {
      using scratch = scratchDirectory();
      new GitRepository(scratch.path).commit({ 'slipway.yml': GOOD, ...DOCKERFILES });

      const [plan, hash, text] = await Promise.all([
        runVerb(['plan', scratch.path, '--json']),
        runVerb(['image', 'hash', 'base', 'other', '--repo', scratch.path, '--json']),
        runVerb(['image', 'hash', 'other', '--repo', scratch.path]),
      ]);

      const planned = JSON.parse(plan.stdout) as { images: { contextHash: string }[] };
      expect(JSON.parse(hash.stdout)).toMatchObject({
        images: [
          {
            name: 'base',
            contextHash: planned.images[0]?.contextHash,
            imageHash: null,
            missingBases: ['debian:bookworm'],
          },
          { name: 'other' },
        ],
      });
      expect(text.stdout).toContain('not known: no record of debian:bookworm');
    },
    SLOW_MS,
  );

  it(
    'names the images that there are when one is unknown',
    async () => {
      using scratch = scratchDirectory();
      new GitRepository(scratch.path).commit({ 'slipway.yml': GOOD, ...DOCKERFILES });

      const { exitCode, stderr } = await runVerb(['image', 'hash', 'bas', '--repo', scratch.path]);

      expect(exitCode).toBe(2);
      expect(stderr).toContain('there is no image "bas"; images are: base, other');
    },
    SLOW_MS,
  );
});
