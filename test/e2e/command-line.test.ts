import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { stringify } from 'yaml';
import { SLIPWAY_PROGRAM } from '../../client/cli/own-command.ts';
import { pushDocumentSchema } from '../../model/schema/records.ts';
import { GitRepository, scratchDirectory } from '../helpers/git-repository.ts';
import { statesOf } from '../helpers/live-stack.ts';
import type { ProgramResult } from '../helpers/run-program.ts';
import { cleanEnvironment, runSlipway } from '../helpers/run-slipway.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

let world: World;
beforeAll(async () => {
  world = await World.open();
  await world.startWorker();
});
afterAll(() => world[Symbol.asyncDispose]());

/** The CLI as a person has it: the program itself. */
const slipway = (args: readonly string[], cwd: string): Promise<ProgramResult> =>
  runSlipway(args, { cwd, env: { SLIPWAY_HOME: world.home, NO_COLOR: '1' }, timeoutMs: 240_000 });

const task = { image: 'debian:bookworm', checkout: false };

describe('slipway', () => {
  it('push --watch --json prints one document and exits 1 when a task fails; the reading verbs know the rest', async () => {
    const repository = await world.createRepository();
    const tasks = {
      good: {
        ...task,
        command: 'echo made > /made.txt',
        artifacts: { 'public/made.txt': { type: 'file', path: '/made.txt' } },
      },
      bad: { ...task, command: 'echo it broke; exit 3' },
    };
    const revision = await repository.commit({ 'slipway.yml': { version: 1, tasks } });

    const pushed = await slipway(['push', '--watch', '--json'], repository.path);

    expect(pushed.exitCode).toBe(1);
    const document = pushDocumentSchema.parse(JSON.parse(pushed.stdout));
    expect(statesOf(document)).toEqual({ bad: 'failed/failed', good: 'completed/completed' });
    expect(document.tasks.find(({ label }) => label === 'bad')?.runs[0]?.exitCode).toBe(3);

    const status = await slipway(['status', revision.slice(0, 10), '--json'], repository.path);
    expect(pushDocumentSchema.parse(JSON.parse(status.stdout)).id).toBe(document.id);
    const pushes = await slipway(['pushes', '--json'], repository.path);
    expect(pushes.stdout).toContain(document.id);
    const shown = await slipway(['status', document.id], repository.path);
    expect(shown.stdout).toContain('it broke');
    const log = await slipway(['logs', 'bad', '--push', document.id], repository.path);
    expect(log.stdout).toContain('it broke\n');
    const unread = spawn(SLIPWAY_PROGRAM, ['logs', 'bad', '--push', document.id], {
      cwd: repository.path,
      env: { ...cleanEnvironment(), SLIPWAY_HOME: world.home },
    });
    unread.stdout.destroy();
    expect(await once(unread, 'exit')).toEqual([0, null]);
    const artifacts = await slipway(['artifacts', 'good', '--push', document.id], repository.path);
    expect(artifacts.stdout).toContain('public/made.txt');
    const target = join(repository.path, 'got.txt');
    const downloaded = await slipway(
      ['download', 'good', 'public/made.txt', '--push', document.id, '-o', target],
      repository.path,
    );
    expect(downloaded.exitCode).toBe(0);
    expect(await readFile(target, 'utf8')).toBe('made\n');

    const unnamed = await slipway(['status', '--json'], repository.path);
    expect(pushDocumentSchema.parse(JSON.parse(unnamed.stdout)).id).toBe(document.id);
    expect(unnamed.stderr).not.toContain('the newest push is meant');
    await repository.commit({ 'unpushed.txt': '' });
    const newest = await slipway(['status', '--json'], repository.path);
    expect(pushDocumentSchema.parse(JSON.parse(newest.stdout)).id).toBe(document.id);
    expect(newest.stderr).toContain(`the newest push is meant, ${document.id}, pushed by `);
  });

  it('push --watch exits 0 when every task completed, and 2 when the tree is wrong', async () => {
    const repository = await world.createRepository();
    await repository.commit({ 'slipway.yml': { version: 1, tasks: { t: { ...task, command: 'true' } } } });
    expect((await slipway(['push', '--watch'], repository.path)).exitCode).toBe(0);

    await repository.commit({ 'slipway.yml': 'version: 1\ntasks:\n  t: { image: 3 }\n' });
    const wrong = await slipway(['push', '--watch'], repository.path);

    expect(wrong.exitCode).toBe(2);
    expect(wrong.stdout + wrong.stderr).toContain('slipway.yml:3:');
  });

  it('push alone says what was decided, for which ref, and exits with 2 when it was refused', async () => {
    const repository = await world.createRepository();
    const tasks = {
      always: { ...task, command: 'true' },
      release: { ...task, command: 'true', when: { refs: ['release/*'] } },
    };
    await repository.commit({ 'slipway.yml': { version: 1, tasks } });
    await repository.git('branch', 'release/1');

    // Nobody is kept waiting for long where workers are slow: asked again, it says what was decided by then.
    const decided = async (...args: string[]): Promise<ProgramResult> => {
      let said = await slipway(['push', ...args], repository.path);
      for (let tries = 0; tries < 20 && said.stderr.includes('it is not decided yet'); tries += 1)
        said = await slipway(['push', ...args], repository.path);
      return said;
    };
    const refused = await decided('--tasks', 'nosuch');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('nothing is run, there are mistakes:\n  --tasks:1:1: no task matches');
    const first = await decided();
    expect(first.exitCode).toBe(0);
    // Where it was asked again, there may be a verdict by now.
    expect(first.stderr).toMatch(/^1 task; nothing to build$|is resolved already: completed;/m);
    const watch = ['push', '--watch', '--json', '--rev', 'release/1'];
    const same = await slipway(watch, repository.path);
    expect(same.stderr).toContain(
      'this revision was pushed as main: for release/1 its tasks are not decided anew;',
    );
    expect(Object.keys(statesOf(pushDocumentSchema.parse(JSON.parse(same.stdout))))).toEqual(['always']);

    const again = await slipway([...watch, '--again'], repository.path);

    expect(again.stderr).not.toContain('was pushed as main');
    expect(statesOf(pushDocumentSchema.parse(JSON.parse(again.stdout)))).toEqual({
      always: 'completed/completed',
      release: 'completed/completed',
    });
  });

  it('image list knows the images of the checkout that one stands in, whether or not the configuration names it', async () => {
    using scratch = scratchDirectory();
    const repository = new GitRepository(join(scratch.path, `local-${randomUUID().slice(0, 8)}`));
    repository.commit({
      'docker/small/Dockerfile': `FROM debian:bookworm\nRUN echo ${randomUUID()} > /id\n`,
      'slipway.yml': stringify({
        version: 1,
        images: { small: { context: 'docker/small' } },
        tasks: { t: { image: { 'in-tree': 'small' }, command: 'true', checkout: false } },
      }),
    });
    const pushed = await slipway(['push', '--watch', '--json'], repository.directory);
    expect(statesOf(pushDocumentSchema.parse(JSON.parse(pushed.stdout)))).toEqual({
      t: 'completed/completed',
    });

    const listed = await slipway(['image', 'list', 'small', '--json'], repository.directory);
    const elsewhere = await slipway(['image', 'list', 'small'], scratch.path);

    expect(JSON.parse(listed.stdout)).toMatchObject([
      { name: 'small', domain: basename(repository.directory) },
    ]);
    expect(elsewhere).toMatchObject({ exitCode: 0, stdout: '' });
    expect(elsewhere.stderr).toContain('there is no such image');
  });

  it('hook install makes git push start pushes, with what its options ask for and every finding in its output', async () => {
    const repository = await world.createRepository();
    const git = async (...args: string[]): Promise<string> => {
      const env = { ...process.env, NODE_OPTIONS: '', SLIPWAY_HOME: world.home };
      const { stderr } = await promisify(execFile)('git', ['-C', repository.path, ...args], { env });
      return stderr;
    };
    await repository.commit({
      'slipway.yml': {
        version: 1,
        tasks: { a: { ...task, command: `echo ${randomUUID()}` }, b: { ...task, command: 'true' } },
      },
    });
    // The repository pushes to a bare clone of itself that is a source of the same project's configuration.
    const bare = await repository.addBare();
    expect((await slipway(['hook', 'install', bare], repository.path)).exitCode).toBe(0);

    const said = await git('push', '-o', 'tasks=a', bare, 'main');
    const id = /push\/\S+/.exec(said)?.[0] ?? '';
    expect(id).toContain('~');
    const watched = await slipway(['watch', id, '--json'], repository.path);
    expect(statesOf(pushDocumentSchema.parse(JSON.parse(watched.stdout)))).toEqual({
      a: 'completed/completed',
    });

    await repository.commit({ 'slipway.yml': 'version: 1\ntasks:\n  t: { imag: x }\n' });
    let refused = await git('push', bare, 'main');
    // The hook keeps nobody waiting for long where workers are slow.
    for (let tries = 0; tries < 5 && refused.includes('it is not decided yet'); tries += 1) {
      await repository.commit({ 'note.txt': `${tries}` });
      refused = await git('push', bare, 'main');
    }
    expect(refused).toContain('slipway.yml:3:');
  });

  it('push in a clone is of the project that plan says, by its remote, once that has the revision', async () => {
    const source = await world.createRepository();
    const bare = await source.addBare();
    using scratch = scratchDirectory();
    const own = `clone-${randomUUID().slice(0, 8)}`;
    const clone = new GitRepository(join(scratch.path, own));
    clone.git('remote', 'add', 'origin', bare);
    clone.commit({ 'slipway.yml': stringify({ version: 1, tasks: { t: { ...task, command: 'true' } } }) });
    const json = async (...args: string[]): Promise<{ project: string; repository?: string }> => {
      const { exitCode, stdout, stderr } = await slipway([...args, '--json'], clone.directory);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) });
      return JSON.parse(stdout) as { project: string };
    };

    const refused = await slipway(['push'], clone.directory);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(
      `is pushed as project ${source.project} by its remote ${bare}, which has no main: git push it first; or`,
    );
    expect(await json('pushes', '--project', source.project)).toEqual([]);

    clone.git('push', '--quiet', '--set-upstream', 'origin', 'main');
    expect((await json('plan')).project).toBe(source.project);
    expect(await json('push', '--watch')).toMatchObject({
      project: source.project,
      state: 'completed',
      repository: pathToFileURL(bare).href,
    });
    // It is not the only way: the clone itself is a project too.
    expect(await json('push', '--watch', '--project', own)).toMatchObject({
      project: own,
      state: 'completed',
      repository: pathToFileURL(clone.directory).href,
    });
  });
});
