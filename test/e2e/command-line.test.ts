import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { pushDocumentSchema } from '../../model/schema/records.ts';
import type { WorkerProcess } from '../helpers/live-stack.ts';
import { startWorker, statesOf, TestRepository } from '../helpers/live-stack.ts';

jest.setTimeout(300_000);

const SLIPWAY = fileURLToPath(new URL('../../bin/slipway', import.meta.url));

let worker: WorkerProcess;
beforeAll(async () => {
  worker = await startWorker(1);
});
afterAll(() => worker.stop());

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The CLI as a person has it: the program itself, on the live stack. */
function slipway(args: readonly string[], cwd: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' };
    const child = spawn(SLIPWAY, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (data: Buffer) => (output.stdout += data.toString('utf8')));
    child.stderr.on('data', (data: Buffer) => (output.stderr += data.toString('utf8')));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...output }));
  });
}

const task = { image: 'debian:bookworm', checkout: false };

describe('slipway', () => {
  it('push --watch --json prints one document and exits 1 when a task fails; the reading verbs know the rest', async () => {
    await using repository = await TestRepository.create();
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

    expect(pushed.code).toBe(1);
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
    const artifacts = await slipway(['artifacts', 'good', '--push', document.id], repository.path);
    expect(artifacts.stdout).toContain('public/made.txt');
    const target = join(repository.path, 'got.txt');
    const downloaded = await slipway(
      ['download', 'good', 'public/made.txt', '--push', document.id, '-o', target],
      repository.path,
    );
    expect(downloaded.code).toBe(0);
    expect(await readFile(target, 'utf8')).toBe('made\n');
  });

  it('push --watch exits 0 when every task completed, and 2 when the tree is wrong', async () => {
    await using repository = await TestRepository.create();
    await repository.commit({ 'slipway.yml': { version: 1, tasks: { t: { ...task, command: 'true' } } } });
    expect((await slipway(['push', '--watch'], repository.path)).code).toBe(0);

    await repository.commit({ 'slipway.yml': 'version: 1\ntasks:\n  t: { image: 3 }\n' });
    const wrong = await slipway(['push', '--watch'], repository.path);

    expect(wrong.code).toBe(2);
    expect(wrong.stdout + wrong.stderr).toContain('slipway.yml:3:');
  });

  it('hook install makes git push start pushes, with what its options ask for and every finding in its output', async () => {
    await using repository = await TestRepository.create();
    const git = async (...args: string[]): Promise<string> => {
      const env = { ...process.env, NODE_OPTIONS: '' };
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
    expect((await slipway(['hook', 'install', bare], repository.path)).code).toBe(0);

    const said = await git('push', '-o', 'tasks=a', bare, 'main');
    const id = /push\/\S+/.exec(said)?.[0] ?? '';
    expect(id).toContain('~');
    const watched = await slipway(['watch', id, '--json'], repository.path);
    expect(statesOf(pushDocumentSchema.parse(JSON.parse(watched.stdout)))).toEqual({
      a: 'completed/completed',
    });

    await repository.commit({ 'slipway.yml': 'version: 1\ntasks:\n  t: { imag: x }\n' });
    const refused = await git('push', bare, 'main');
    expect(refused).toContain('slipway.yml:3:');
  });
});
