import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { statesOf } from '../helpers/live-stack.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const plain = { image: 'debian:bookworm', checkout: false };

it('takes what another push has left under a route, as it was when the push was planned, and executable where it was', async () => {
  await using world = await World.open({ base: false });
  await world.startWorker();
  const repository = await world.createRepository({ main: 3, '*': 1 });
  const makes = (text: string) => ({
    ...plain,
    command: [
      `echo ${text} > /file && mkdir -p /tree/below && cd /tree/below && echo ${text} below > file`,
      `echo '#!/bin/sh' > run && echo 'echo ${text} ran' >> run && chmod +x run`,
    ].join(' && '),
    artifacts: {
      'public/file': { type: 'file', path: '/file' },
      'public/tree': { type: 'directory', path: '/tree' },
    },
    routes: ['made.latest'],
  });
  const takes = {
    ...plain,
    inputs: {
      '/in/file': { namespace: 'made.latest', artifact: 'public/file' },
      '/in/tree': { namespace: 'made.latest', artifact: 'public/tree' },
    },
    command: 'cat /in/file /in/tree/below/file && /in/tree/below/run',
  };
  const runs = {
    ...plain,
    dependencies: ['makes'],
    inputs: {
      '/in/run': { task: 'makes', artifact: 'public/tree/below/run' },
      '/in/tree': { task: 'makes', artifact: 'public/tree' },
    },
    command: '/in/run && /in/tree/below/run && stat -c %a /in/tree/below/run /in/tree/below/file',
  };
  const push = async (tasks: Record<string, unknown>, ref = 'refs/heads/try') =>
    world.push(repository, await repository.commit({ 'slipway.yml': { version: 1, tasks } }), { ref });
  await repository.git('checkout', '--quiet', '-b', 'try');

  const early = await push({ takes });
  const made = await push({ makes: makes('one'), runs });
  const taken = await push({ takes });

  expect(early).toMatchObject({ state: 'exception', reason: 'malformed-plan' });
  expect(early.findings[0]?.message).toContain('has completed with the route "made.latest"');
  expect(statesOf(made)).toEqual({ makes: 'completed/completed', runs: 'completed/completed' });
  const idOf = (label: string) => made.tasks.find((task) => task.label === label)?.taskId ?? '';
  expect(await world.log(idOf('runs'))).toMatch(/Putting 2 files \(\d+ B\) into \/in\/tree\n/);
  expect(await world.log(idOf('runs'))).toContain('one ran\none ran\n755\n644\n');
  expect(statesOf(taken)).toEqual({ takes: 'completed/completed' });
  expect(await world.log(taken.tasks[0]?.taskId ?? '')).toContain('one\none below\none ran\n');
  const downloaded = async (name: string): Promise<number> => {
    const options = { cwd: world.home, env: { SLIPWAY_HOME: world.home } };
    await runSlipway(['download', idOf('makes'), `public/tree/below/${name}`, '-o', name], options);
    return (await stat(join(world.home, name))).mode & 0o111;
  };
  expect(await downloaded('run')).toBeGreaterThan(0);
  expect(await downloaded('file')).toBe(0);
  const tree = (...output: readonly string[]): ReturnType<typeof runSlipway> =>
    runSlipway(['download', idOf('makes'), 'public/tree', ...output], {
      cwd: world.home,
      env: { SLIPWAY_HOME: world.home },
    });
  expect(await tree()).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('tree: 2 files, ') });
  expect(await readFile(join(world.home, 'tree/below/file'), 'utf8')).toBe('one below\n');
  expect(await tree('-o', '-')).toMatchObject({
    exitCode: 2,
    stderr: 'slipway: public/tree is a directory of 2 files: name a directory to write, with -o DIR\n',
  });
  expect(await tree()).toMatchObject({
    exitCode: 2,
    stderr: 'slipway: tree is there and not empty: name a new directory with -o DIR\n',
  });

  // The same push again, after another one has come there: what was decided stays.
  const moved = await push({ makes: makes('two') });
  const id = taken.id;
  await world.live.api.rerun(id, { tasks: ['takes'], downstream: false }, 'somebody');
  const again = await world.verdict(id);

  expect(statesOf(moved)).toEqual({ makes: 'completed/completed' });
  expect(again).toMatchObject({ state: 'completed', round: 2 });
  expect(await world.log(again.tasks[0]?.taskId ?? '')).toContain('one\none below\n');
  const newer = await push({ takes: { ...takes, description: 'newer' } });
  expect(await world.log(newer.tasks[0]?.taskId ?? '')).toContain('two\ntwo below\n');

  const lacks = await push({
    takes: { ...plain, inputs: { '/in': { namespace: 'made.latest', artifact: 'x' } } },
  });
  expect(lacks.findings.map(({ message, hint }) => [message.split(', ').at(-1), hint])).toEqual([
    [
      'has no artifact "x"',
      'it has public/file, public/tree/below/file, public/tree/below/run, public/logs/live.log',
    ],
  ]);
});
