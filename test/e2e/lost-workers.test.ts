import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { WorkerProcess } from '../helpers/live-stack.ts';
import {
  LiveApi,
  outcomesOf,
  startWorker,
  statesOf,
  taskContainers,
  TestRepository,
  until,
} from '../helpers/live-stack.ts';

jest.setTimeout(300_000);

let live: LiveApi;
let worker: WorkerProcess | undefined;
beforeAll(async () => {
  live = await LiveApi.open();
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
});
afterAll(() => live.close());

async function processes(): Promise<string> {
  return (await promisify(execFile)('ps', ['-eo', 'args'])).stdout;
}

describe('a worker killed with SIGKILL', () => {
  it('in the middle of a task: the next one adopts its container, and the log has each line once', async () => {
    await using repository = await TestRepository.create();
    const command =
      'i=0; while [ $i -lt 30 ]; do echo "line $i"; i=$((i+1)); sleep 1; done; echo done > /out.txt';
    const task = {
      image: 'debian:bookworm',
      command,
      checkout: false,
      artifacts: { 'public/out.txt': { type: 'file', path: '/out.txt' } },
    };
    worker = await startWorker(1);
    const id = await live.start(
      repository,
      await repository.commit({ 'slipway.yml': { version: 1, tasks: { long: task } } }),
    );
    const taskId = `${id.replace('push/', 'task/')}/long`;
    await until(async () => (await live.log(taskId).catch(() => '')).includes('\nline 3\n'));

    worker.kill('SIGKILL');
    worker = await startWorker(1);
    const document = await live.verdict(id);

    expect(statesOf(document)).toEqual({ long: 'completed/completed' });
    expect(document.tasks[0]?.runs).toHaveLength(1);
    const log = await live.log(taskId);
    const lines = log.split('\n').filter((line) => line.startsWith('line '));
    expect(lines).toEqual(Array.from({ length: 30 }, (_, i) => `line ${i}`));
    expect(log).toContain('Going on with the container that is there');
    const names = (await live.api.artifacts(taskId)).map(({ name }) => name);
    expect(names.sort()).toEqual(['public/logs/live.log', 'public/out.txt']);
    expect(await taskContainers()).toEqual([]);
  });

  it('in the middle of a build: the next one builds, the image is indexed once, nothing is left running', async () => {
    await using repository = await TestRepository.create();
    const mark = randomUUID();
    const slipway = {
      version: 1,
      images: { slow: { context: 'docker' } },
      tasks: { t: { image: { 'in-tree': 'slow' }, command: 'cat /mark', checkout: false } },
    };
    const dockerfile = `FROM debian:bookworm\nRUN echo ${mark} > /mark && sleep 15\n`;
    worker = await startWorker(1);
    const id = await live.start(
      repository,
      await repository.commit({ 'slipway.yml': slipway, 'docker/Dockerfile': dockerfile }),
    );
    await until(async () => (await processes()).includes(`echo ${mark}`));

    worker.kill('SIGKILL');
    worker = await startWorker(1);
    const document = await live.verdict(id);

    expect(statesOf(document)).toEqual({ t: 'completed/completed' });
    expect(outcomesOf(document)).toEqual({ slow: 'built' });
    const image = await live.api.task(document.images[0]?.taskId ?? '');
    expect(image.runs.map(({ run, reason }) => `${run} ${reason ?? ''}`)).toEqual(['0 completed']);
    expect(await processes()).not.toContain(mark);
    expect(await taskContainers()).toEqual([]);
  });
});
