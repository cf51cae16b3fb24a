import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { scratchDirectory } from '../helpers/git-repository.ts';
import { statesOf } from '../helpers/live-stack.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

/** The image has no git: what the checkout is, is looked at outside, as it stood when the command began. */
const PACK = 'tar -cf /tmp/src.tar . && stat -c "%u:%g %a %n" . .git .git/HEAD && id -u && touch .git/mine';
const packed = { 'public/src.tar': { type: 'file', path: '/tmp/src.tar' } };

it('a task has a .git of the pushed revision, and another user, if it asks for them; so has a run on a laptop', async () => {
  using scratch = scratchDirectory();
  await using world = await World.open({ base: false });
  await world.startWorker();
  const repository = await world.createRepository();
  const task = { image: 'debian:bookworm', command: PACK, artifacts: packed };
  const cache = { kept: '/kept' };
  await repository.commit({ 'old.txt': 'old\n' });
  await repository.git('tag', '--annotate', '--message', 'the first', 'v1.0');
  const revision = await repository.commit({
    'slipway.yml': {
      version: 1,
      tasks: {
        root: { ...task, checkout: { git: true } },
        other: {
          ...task,
          user: '1234:4321',
          checkout: { path: '/own/tree', git: true, depth: 2 },
          cache,
          command: `${PACK} && touch /kept/here && pwd`,
        },
        plain: { image: 'debian:bookworm', user: 'games', command: 'id -un; ls -A; ! test -e .git' },
      },
    },
    'a.txt': 'a\n',
  });

  const document = await world.push(repository, revision);
  const log = (label: string): Promise<string> => world.log(taskIdOf(label));
  const taskIdOf = (label: string): string => document.tasks.find((one) => one.label === label)!.taskId;
  /** What git says in what the task has packed, without anything that would bring its index up to date first. */
  const gitIn = async (label: string): Promise<(...args: string[]) => string> => {
    const directory = join(scratch.path, label);
    mkdirSync(directory);
    execFileSync('tar', ['-x', '-p', '--no-same-owner', '-f', '-', '-C', directory], {
      input: await world.artifact(taskIdOf(label), 'public/src.tar'),
    });
    return (...args) => execFileSync('git', args, { cwd: directory, encoding: 'utf8' }).trim();
  };

  expect(statesOf(document)).toEqual({
    root: 'completed/completed',
    other: 'completed/completed',
    plain: 'completed/completed',
  });
  const root = await gitIn('root');
  expect(root('diff-index', 'HEAD')).toBe('');
  expect(root('status', '--porcelain')).toBe('');
  expect(root('rev-parse', 'HEAD')).toBe(revision);
  expect(root('rev-list', '--count', 'HEAD')).toBe('1');
  const other = await gitIn('other');
  expect(other('log', '--format=%H')).toBe(`${revision}\n${other('rev-parse', 'HEAD~1')}`);
  expect(other('ls-tree', '--name-only', 'HEAD~1')).toBe('old.txt');
  expect(other('describe')).toBe(`v1.0-1-g${revision.slice(0, 7)}`);
  expect(root('tag')).toBe('');
  expect(await log('root')).toMatch(/^0:0 755 \.\n0:0 755 \.git\n0:0 644 \.git\/HEAD\n0$/m);
  expect(await log('other')).toMatch(
    /^1234:4321 755 \.\n1234:4321 755 \.git\n1234:4321 644 \.git\/HEAD\n1234\n\/own\/tree$/m,
  );
  expect(await log('plain')).toMatch(/^games\na\.txt\nold\.txt\nslipway\.yml$/m);

  const run = await runSlipway(['run', 'other'], {
    cwd: repository.path,
    env: { SLIPWAY_HOME: world.home, XDG_CACHE_HOME: scratch.path },
    timeoutMs: 300_000,
  });
  expect(run).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('1234:4321 644 .git/HEAD\n1234\n'),
  });
});
