import { randomUUID } from 'node:crypto';
import { chmod, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PushDocument, PushImage } from '../../model/schema/records.ts';
import { blobKey } from '../../store/keys.ts';
import { docker, liveConnections, outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { startImageRegistry } from '../helpers/image-registry.ts';
import { requireEnv } from '../helpers/require-env.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import { tinyProgram } from '../helpers/tiny-program.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

let world: World;
beforeAll(async () => {
  world = await World.open();
  // Builds beside the tasks: that engine reaches a registry on loopback.
  const builderEngine = requireEnv('SLIPWAY_TEST_ENGINE', 'a Docker Engine');
  await world.startWorker(1, ['all'], { connections: { builderEngine } });
});
afterAll(() => world[Symbol.asyncDispose]());

const unique = (): string => `# ${randomUUID()}\n`;
const imageOf = (document: PushDocument, name: string): PushImage =>
  document.images.find((image) => image.name === name)!;
const whyOf = (document: PushDocument, name: string): string => imageOf(document, name).why;

/** What a person sees who types it in the checkout. */
async function slipway(directory: string, ...args: string[]): Promise<string> {
  const env = { SLIPWAY_HOME: world.home, NO_COLOR: '1' };
  const { stdout, stderr, exitCode } = await runSlipway(args, { cwd: directory, env });
  if (exitCode !== 0) throw new Error(`slipway ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
  return stdout;
}

describe('why an image is built', () => {
  it('names each file with its lines, argument and parent, the same in plan, record, log and for those who ask', async () => {
    await using repository = await world.createRepository();
    const yml = (version: string): unknown => ({
      version: 1,
      images: {
        base: { context: 'docker/base' },
        lint: { context: 'docker/lint', parent: 'base', args: { NODE_VERSION: version } },
      },
      tasks: { check: { image: { 'in-tree': 'lint' }, command: 'true', checkout: false } },
    });
    const base = `${unique()}FROM debian:bookworm\n`;
    const lint = (run: string): string =>
      `# %include scripts/setup.sh\nARG DOCKER_IMAGE_PARENT\nARG NODE_VERSION\nFROM $DOCKER_IMAGE_PARENT\n${run}\nCOPY . /ctx\n`;
    const first = await repository.commit({
      'slipway.yml': yml('22'),
      'docker/base/Dockerfile': base,
      'docker/lint/Dockerfile': lint('RUN true'),
      'docker/lint/old.txt': 'old\n',
      'docker/lint/run.sh': 'run\n',
      'scripts/setup.sh': 'one\n',
    });
    const one = await world.push(repository, first);
    expect(whyOf(one, 'lint')).toBe('no image of this name was built before');

    const second = await repository.commit({
      'slipway.yml': yml('24'),
      'docker/base/Dockerfile': `${base}RUN true\n`,
      'docker/lint/Dockerfile': lint('RUN true && true'),
      'scripts/setup.sh': 'one\ntwo\n',
    });
    const words =
      'Dockerfile:5 changed, +1 −1; scripts/setup.sh:2 changed, +1; argument NODE_VERSION 22 → 24; parent base changed (docker/base/Dockerfile:3)';
    expect(await slipway(repository.path, 'plan')).toContain(words);
    const asked = await slipway(repository.path, 'image', 'why', 'lint');
    const two = await world.push(repository, second);

    expect(outcomesOf(two)).toEqual({ base: 'built', lint: 'built' });
    expect(whyOf(two, 'base')).toBe('Dockerfile:3 changed, +1');
    expect(whyOf(two, 'lint')).toBe(words);
    expect(await world.log(imageOf(two, 'lint').taskId)).toContain(`Image lint: ${words}\n`);
    const recorded = await slipway(repository.path, 'image', 'why', 'lint', '--push', two.id);
    for (const text of [asked, recorded]) {
      expect(text).toContain('docker/lint/Dockerfile:5 changed, +1 −1\n  --- a/docker/lint/Dockerfile\n');
      expect(text).toContain('\n  -RUN true\n  +RUN true && true\n');
      expect(text).toContain('scripts/setup.sh:2 changed, +1 (included)\n');
      expect(text).toContain('argument NODE_VERSION 22 → 24\n');
      expect(text).toMatch(
        /parent base changed, [0-9a-f]{12} → [0-9a-f]{12}\n {2}docker\/base\/Dockerfile:3 changed, \+1\n/,
      );
      expect(text).toContain('    +RUN true\n');
      expect(text).toMatch(
        /level-3\/index\/e2e\/images\/lint\/\w+ +nothing\n +level-2\/\S+ +nothing\n +level-1\/\S+ +nothing/,
      );
    }
    const artifacts = await world.live.api.artifacts(imageOf(two, 'lint').taskId);
    expect(artifacts.map(({ name }) => name)).toContain('public/context.json');

    // Modes, links, what came and went; without the former revision the files are named all the same.
    await rm(join(repository.path, 'docker/lint/old.txt'));
    await chmod(join(repository.path, 'docker/lint/run.sh'), 0o755);
    await symlink('../../scripts/setup.sh', join(repository.path, 'docker/lint/link'));
    const third = await repository.commit({ 'docker/lint/tool.bin': 'a\0b' });
    const three = await world.push(repository, third);
    expect(whyOf(three, 'lint')).toBe(
      'link added; old.txt removed; run.sh is executable now; and 1 more file',
    );
    const all = await slipway(repository.path, 'image', 'why', 'lint', '--push', three.id, '--json');
    const { explanation } = JSON.parse(all) as { explanation: { changes: unknown[]; against: unknown } };
    expect(explanation.changes).toMatchObject([{ kind: 'files', count: 4 }]);
    expect(explanation.against).toMatchObject({ revision: second, repository: repository.url, level: 1 });

    const known = await slipway(repository.path, 'image', 'why', 'lint');
    expect(known).toMatch(/^lint [0-9a-f]{12}: known\nbuilt before, at level 1 on /);
  });

  it('a rebuild that is asked for carries every step out again, and whoever depends on it gets the new digest', async () => {
    await using repository = await world.createRepository();
    const dockerfile = `${unique()}FROM debian:bookworm\nRUN date +%N > /made\n`;
    const task = (image: string): unknown => ({
      image: { 'in-tree': image },
      command: 'cat /made',
      checkout: false,
    });
    const revision = await repository.commit({
      'slipway.yml': {
        version: 1,
        images: { base: { context: 'docker/base' }, child: { context: 'docker/child', parent: 'base' } },
        tasks: { base: task('base'), child: task('child') },
      },
      'docker/base/Dockerfile': dockerfile,
      'docker/child/Dockerfile': 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\nRUN true\n',
    });
    const made = async (document: PushDocument): Promise<string[]> => {
      const logs = await Promise.all(document.tasks.map(({ taskId }) => world.log(taskId)));
      return logs.map((log) => /^\d{9}$/m.exec(log)?.[0] ?? '');
    };
    const one = await world.push(repository, revision);

    const two = await world.push(repository, revision, { request: { rebuild: ['base'] } });

    expect(outcomesOf(two)).toEqual({ base: 'built', child: 'built' });
    expect(whyOf(two, 'base')).toBe('its rebuild was asked for');
    expect(whyOf(two, 'child')).toBe('its parent base is built again');
    expect(statesOf(two)).toEqual({ base: 'completed/completed', child: 'completed/completed' });
    const [before, after] = [await made(one), await made(two)];
    expect(new Set(before).size).toBe(1);
    expect(new Set(after).size).toBe(1);
    expect(after[0]).not.toBe(before[0]);
    for (const name of ['base', 'child'])
      expect(imageOf(two, name).manifestDigest).not.toBe(imageOf(one, name).manifestDigest);
    expect((await world.live.api.task(imageOf(two, 'base').taskId)).runs).toHaveLength(2);

    // The next push finds what was built last.
    const three = await world.push(repository, await repository.commit({ 'README.md': 'x' }));
    expect(outcomesOf(three)).toEqual({ base: 'reused', child: 'reused' });
    expect(imageOf(three, 'child').manifestDigest).toBe(imageOf(two, 'child').manifestDigest);

    // So does a push that wants the child only, after one that had only its parent built again.
    const parentOnly = { request: { tasks: ['base'], rebuild: ['base'] } };
    const four = await world.push(repository, await repository.commit({ 'README.md': 'y' }), parentOnly);
    expect(outcomesOf(four)).toEqual({ base: 'built' });
    const childOnly = { request: { tasks: ['child'] } };
    const five = await world.push(repository, await repository.commit({ 'README.md': 'z' }), childOnly);
    expect(outcomesOf(five)).toEqual({ base: 'reused', child: 'built' });
    expect(whyOf(five, 'child')).toBe('its parent base was built again');
    expect(await made(five)).toEqual(await made(four));
    const six = await world.push(repository, await repository.commit({ 'README.md': '6' }), childOnly);
    expect(outcomesOf(six)).toEqual({ base: 'reused', child: 'reused' });

    // An image whose rebuild is asked for is built, also when no task of the push needs it.
    const seven = await world.push(repository, await repository.commit({ 'README.md': '7' }), {
      request: { tasks: ['base'], rebuild: ['child'] },
    });
    expect(outcomesOf(seven)).toEqual({ base: 'reused', child: 'built' });

    // While it is being built for somebody, a rebuild is that build.
    const slow = await repository.commit({ 'docker/base/Dockerfile': `${dockerfile}RUN sleep 20\n` });
    const options = { request: { tasks: ['base'] } };
    const running = await world.start(repository, slow, options);
    await until(async () => {
      const [image] = (await world.live.api.read(running).catch(() => undefined))?.images ?? [];
      return (await world.log(image?.taskId ?? '').catch(() => '')).includes('Building on');
    });
    const rebuild = await world.push(repository, slow, { request: { tasks: ['base'], rebuild: ['base'] } });
    const built = await world.verdict(running);
    expect([outcomesOf(rebuild), outcomesOf(built)]).toEqual([{ base: 'built' }, { base: 'built' }]);
    expect(imageOf(rebuild, 'base').manifestDigest).toBe(imageOf(built, 'base').manifestDigest);
    expect((await world.live.api.task(imageOf(built, 'base').taskId)).runs).toHaveLength(1);
  });
});

describe('a parent that is gone', () => {
  it('is left alone while its child is there, and comes back when the child has to be built', async () => {
    await using repository = await world.createRepository();
    const dockerfile = `${unique()}FROM debian:bookworm\nRUN true\n`;
    const revision = await repository.commit({
      'slipway.yml': {
        version: 1,
        images: { base: { context: 'docker/base' }, child: { context: 'docker/child', parent: 'base' } },
        tasks: { child: { image: { 'in-tree': 'child' }, command: 'true', checkout: false } },
      },
      'docker/base/Dockerfile': dockerfile,
      'docker/child/Dockerfile': 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\nRUN true\n',
    });
    const one = await world.push(repository, revision);
    expect(outcomesOf(one)).toEqual({ base: 'built', child: 'built' });
    const remove = (name: string): Promise<string> =>
      slipway(repository.path, 'image', 'rm', name, '--project', repository.project, '--yes');
    await remove('base');

    const planned = await slipway(repository.path, 'plan', '--project', repository.project);
    expect(planned).toMatch(/^Images: no build$/m);
    expect(planned).toMatch(/ base +\w{12} +not needed +no task names it, and what stands on it is known$/m);
    const two = await world.push(repository, await repository.commit({ 'README.md': '2' }));
    expect(outcomesOf(two)).toEqual({ base: 'not-needed', child: 'reused' });
    expect(statesOf(two)).toEqual({ child: 'completed/completed' });

    // A push that has it goes on with it. Where the store has lost it the same plan counts, and the build of the child asks for its parent.
    await remove('child');
    const rerun = async (): Promise<PushDocument> =>
      JSON.parse(
        await slipway(repository.path, 'rerun', 'child', '--push', two.id, '--watch', '--json'),
      ) as PushDocument;
    expect(outcomesOf(await rerun())).toEqual({ base: 'not-needed', child: 'reused' });
    const { stateDirectory } = await liveConnections();
    const manifest = blobKey(imageOf(two, 'child').manifestDigest as `sha256:${string}`);
    await rm(join(stateDirectory, 'store', world.connections.store.bucket, manifest));
    const again = await rerun();
    expect(statesOf(again)).toEqual({ child: 'completed/completed' });
    expect(outcomesOf(again)).toEqual({ base: 'not-needed', child: 'built' });
    const three = await world.push(repository, await repository.commit({ 'README.md': '3' }));
    expect(outcomesOf(three)).toEqual({ base: 'reused', child: 'reused' });
  });
});

describe('bases', () => {
  it('of an image that has a mistake are not refreshed, and the mistake is shown', async () => {
    await using repository = await world.createRepository();
    await repository.commit({
      'slipway.yml': { version: 1, images: { lint: { context: 'lint' } }, tasks: {} },
      'lint/Dockerfile': 'FORM debian:bookworm\n',
    });

    const refreshed = await runSlipway(
      ['image', 'refresh', '--image', 'lint', '--project', repository.project],
      {
        cwd: repository.path,
        env: { SLIPWAY_HOME: world.home, NO_COLOR: '1' },
      },
    );

    expect(refreshed).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refreshed.stderr).toContain('lint/Dockerfile:1:1');
  });

  it('that are pinned, tracked, too old or refreshed; whatever form the Dockerfile names them in; with their registry and without', async () => {
    await using repository = await world.createRepository();
    const registry = await startImageRegistry({ hello: tinyProgram('hello\n') });
    try {
      const tools = { hello: tinyProgram('tools 1\n') };
      for (const tag of ['pinned', 'tracked', 'aged']) await registry.put('tools', tag, tools);
      const reference = (tag: string): string => `${registry.host}/tools:${tag}`;
      const from = (tag: string): string => `${unique()}FROM ${reference(tag)}\nLABEL a=b\n`;
      const forms = [
        'ARG BASE=debian:bookworm',
        'ARG TOOLS',
        'ARG LAST=nowhere.invalid/x',
        'FROM --platform=$BUILDPLATFORM $BASE AS debian',
        '# a stage, though it looks like an image',
        'FROM debian AS second',
        'RUN echo two > /two',
        'FROM scratch AS nothing',
        'COPY --from=second /two /two',
        'FROM ${TOOLS} AS tools',
        'FROM ${LAST}',
        'COPY --from=nothing /two /three',
        'COPY --from=tools /hello /hello-of-stage',
        `COPY --from=${reference('pinned')} /hello /hello`,
        'CMD ["sh", "-c", "cat /two /three; /hello; /hello-of-stage"]',
      ];
      const task = (image: string): unknown => ({
        image: { 'in-tree': image },
        command: ['/hello'],
        checkout: false,
      });
      const slipwayYml = {
        version: 1,
        images: {
          pinned: { context: 'pinned' },
          tracked: { context: 'tracked', base: 'track' },
          aged: { context: 'aged', 'rebuild-after': 1 },
          forms: { context: 'forms', args: { TOOLS: reference('pinned'), LAST: 'second' } },
        },
        tasks: {
          pinned: task('pinned'),
          tracked: task('tracked'),
          aged: task('aged'),
          forms: { image: { 'in-tree': 'forms' }, checkout: false },
        },
      };
      const revision = await repository.commit({
        'slipway.yml': slipwayYml,
        'pinned/Dockerfile': from('pinned'),
        'tracked/Dockerfile': from('tracked'),
        'aged/Dockerfile': from('aged'),
        'forms/Dockerfile': `${forms.join('\n')}\n`,
      });
      const said = async (document: PushDocument, label: string): Promise<string> =>
        (await world.log(document.tasks.find((each) => each.label === label)!.taskId)).replace(
          /^\[slipway.*\n/gm,
          '',
        );

      const one = await world.push(repository, revision);

      expect(one.state).toBe('completed');
      expect(await said(one, 'forms')).toContain('two\ntwo\ntools 1\ntools 1\n');

      // Elsewhere they are others now. Only who asked for it sees that.
      const later = { hello: tinyProgram('tools 2\n') };
      const layer = await registry.put('tools', 'tracked', later);
      await registry.put('tools', 'pinned', later);
      const two = await world.push(repository, await repository.commit({ 'README.md': '2' }));
      expect(outcomesOf(two)).toEqual({ pinned: 'reused', tracked: 'built', aged: 'built', forms: 'reused' });
      expect(whyOf(two, 'tracked')).toMatch(
        /^base 127\.0\.0\.1:\d+\/tools:tracked refreshed on [-0-9: ]+, [0-9a-f]{12} → [0-9a-f]{12}$/,
      );
      expect(whyOf(two, 'aged')).toMatch(
        /^built on [-0-9: ]+, which is longer ago than rebuild-after allows$/,
      );
      expect(await said(two, 'tracked')).toContain('tools 2');
      expect(await said(two, 'pinned')).toContain('tools 1');

      // What is tracked and did not change is neither built nor moved.
      const fetches = (): number => registry.requests.filter((path) => path.endsWith(layer)).length;
      const fetched = fetches();
      const three = await world.push(repository, await repository.commit({ 'README.md': '3' }), {
        request: { tasks: ['tracked'] },
      });
      expect(outcomesOf(three)).toEqual({ tracked: 'reused' });
      expect(fetches()).toBe(fetched);

      const refreshed = await slipway(
        repository.path,
        'image',
        'refresh',
        reference('pinned'),
        '--project',
        repository.project,
      );
      expect(refreshed).toMatch(
        /tools:pinned \(e2e, level 1\): refreshed\n {2}before sha256:\w{64}\n {2}now {4}sha256:\w{64}\n/,
      );
      expect(refreshed).toContain('the next pushes that need them build: forms, pinned\n');
      const four = await world.push(repository, await repository.commit({ 'README.md': '4' }), {
        request: { tasks: ['pinned', 'forms'] },
      });
      expect(outcomesOf(four)).toEqual({ pinned: 'built', forms: 'built' });
      expect(whyOf(four, 'pinned')).toMatch(/^base \S+tools:pinned refreshed on /);
      expect(await said(four, 'pinned')).toContain('tools 2');
      const again = await slipway(
        repository.path,
        'image',
        'refresh',
        '--image',
        'pinned',
        '--project',
        repository.project,
      );
      expect(again).toMatch(/tools:pinned \(e2e, level 1\): is what it was, sha256:/);

      // Nobody serves them, and the engine has lost them: the store has all that a build needs.
      const references = ['pinned', 'tracked', 'aged'].map(reference);
      await registry[Symbol.asyncDispose]();
      await docker('image', 'rm', '--force', ...references);
      const five = await world.push(
        repository,
        await repository.commit({ 'pinned/Dockerfile': `${unique()}FROM ${references[0]}\nLABEL c=d\n` }),
      );
      expect(five.state).toBe('completed');
      expect(outcomesOf(five)).toEqual({
        pinned: 'built',
        tracked: 'reused',
        aged: 'built',
        forms: 'reused',
      });
      expect(whyOf(five, 'tracked')).toMatch(
        /^built before, at level 1 on .*; base \S+tools:tracked could not be resolved anew \(.*\): what it was on [-0-9: ]+ counts$/,
      );
      expect(await said(five, 'tracked')).toContain('tools 2');
      const failed = await runSlipway(['image', 'refresh', references[0]!, '--project', repository.project], {
        cwd: repository.path,
        env: { SLIPWAY_HOME: world.home },
      });
      expect(failed.exitCode).toBe(1);
      expect(failed.stdout).toMatch(/could not be resolved: .*\n {2}sha256:\w{64} counts as before/);
    } finally {
      await registry[Symbol.asyncDispose]();
    }
  });
});
