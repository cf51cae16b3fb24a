import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { runCommandLine } from '../../client/cli/command-line.ts';
import type { PushDocument } from '../../model/schema/records.ts';
import { captureStreams } from '../helpers/captured-terminal.ts';
import { outcomesOf, statesOf } from '../helpers/live-stack.ts';
import type { TestRepository } from '../helpers/live-stack.ts';
import type { ProgramResult } from '../helpers/run-program.ts';
import { runProgram } from '../helpers/run-program.ts';
import { runSlipway } from '../helpers/run-slipway.ts';
import type { SecondEngine } from '../helpers/second-engine.ts';
import { startSecondEngine } from '../helpers/second-engine.ts';
import { tarOf } from '../helpers/stored-images.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const CHILD = 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\nCOPY rules.txt /rules.txt\n';
const FILES = {
  // The last step of base and of tools changes no file: both have the same layer for it, on other ones.
  'docker/base/Dockerfile': 'FROM debian:bookworm\nCOPY noise /noise\nWORKDIR /srv\n',
  'docker/base/noise': randomBytes(400_000).toString('base64'),
  'docker/lint/Dockerfile': CHILD,
  'docker/lint/rules.txt': 'rules 1\n',
  'docker/tools/Dockerfile':
    'FROM debian:bookworm\nRUN head -c 100000 /dev/urandom > /chance\nWORKDIR /srv\n',
  'slipway.yml': {
    version: 1,
    images: {
      base: { context: 'docker/base' },
      lint: { context: 'docker/lint', parent: 'base' },
      tools: { context: 'docker/tools' },
    },
    tasks: {
      check: { image: { 'in-tree': 'lint' }, command: 'cat /rules.txt', checkout: false },
      made: { image: { 'in-tree': 'tools' }, command: 'true', checkout: false },
      plain: { image: 'debian:bookworm', command: 'true', checkout: false },
    },
  },
};

/** What `--json` of build and load print. */
interface Printed {
  readonly images: readonly {
    readonly name: string;
    readonly imageHash: string;
    readonly contextHash: string;
    readonly reference: string;
    readonly engineImageId: string;
    readonly outcome: string;
    readonly way: string;
    readonly bytesLoaded: number;
    readonly configDigest: string;
    readonly taskId?: string;
    readonly worktree: boolean;
  }[];
}

let world: World;
/** The laptop's: it shares nothing with the engines of the workers. */
let engine: SecondEngine;
let repository: TestRepository;
let first: string;
beforeAll(async () => {
  [world, engine] = await Promise.all([World.open(), startSecondEngine()]);
  await world.startWorker();
  repository = await world.createRepository();
  first = await repository.commit(FILES);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await engine.stop();
});

/** The CLI as a person on a laptop has it. */
function slipway(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ProgramResult> {
  const own = { SLIPWAY_HOME: world.home, DOCKER_HOST: `unix://${engine.socketPath}`, NO_COLOR: '1', ...env };
  return runSlipway(args, { cwd: repository.path, env: own, timeoutMs: 300_000 });
}

async function json<T = Printed>(...args: readonly string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await slipway([...args, '--json']);
  if (exitCode !== 0) throw new Error(`slipway ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** Digests of the layers of an image in the laptop's engine, by its name or id. */
async function layersOf(reference: string): Promise<readonly string[]> {
  return (await engine.docker.getImage(reference).inspect()).RootFS.Layers ?? [];
}

async function namesInEngine(): Promise<readonly string[]> {
  const names = (await engine.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
  return names.filter((name) => !name.startsWith('<none>')).sort();
}

/** Removes every image of the laptop's engine, and the layers that its builds have kept. */
async function emptyEngine(): Promise<void> {
  await engine.docker.pruneImages({ filters: { dangling: { false: true } } });
  expect(await docker('builder', 'prune', '--all', '--force')).toMatchObject({ exitCode: 0 });
  expect(await engine.docker.listImages()).toEqual([]);
}

let pushing: Promise<PushDocument> | undefined;
/** The one push of this file; the checkout is at its revision afterwards. */
async function pushed(): Promise<PushDocument> {
  const document = await (pushing ??= world.push(repository, first));
  expect(statesOf(document)).toEqual({
    check: 'completed/completed',
    made: 'completed/completed',
    plain: 'completed/completed',
  });
  await repository.git('reset', '--quiet', '--hard', first);
  return document;
}

const imageOf = (document: PushDocument, name: string): PushDocument['images'][number] => {
  const image = document.images.find((other) => other.name === name);
  if (!image) throw new Error(`${document.id} has no image ${name}`);
  return image;
};

describe('slipway image build', () => {
  it('gives the hash that CI gives, takes what CI has built, and publishes nothing', async () => {
    const objects = await world.objects();

    const before = await json('image', 'build', 'lint');

    expect(before.images).toMatchObject([{ name: 'lint', outcome: 'built', worktree: false }]);
    expect(await world.objects()).toEqual(objects);
    expect((await namesInEngine()).filter((name) => /invalid\/(build|parent)/.test(name))).toEqual([]);
    const again = await slipway(['image', 'build', 'lint']);
    expect(again.stderr).toContain('lint: in the engine, built before');
    expect(again.stdout).toBe(`${before.images[0]?.reference}\n`);

    const document = await pushed();

    // By this a laptop of another kind knows which images are meant.
    expect(await world.objects('level-1/platform')).toEqual(['level-1/platform.json']);
    const lint = imageOf(document, 'lint');
    expect(lint).toMatchObject({ outcome: 'built', imageHash: before.images[0]?.imageHash });
    const taken = await json('image', 'build', 'lint', 'tools');
    expect(taken.images.map(({ name, outcome, taskId }) => ({ name, outcome, taskId }))).toEqual([
      { name: 'lint', outcome: 'loaded', taskId: lint.taskId },
      { name: 'tools', outcome: 'loaded', taskId: imageOf(document, 'tools').taskId },
    ]);

    // The newest BuildKit does not read what an older one has noted of its steps, and CI's builder has an older one.
    if (process.env['SLIPWAY_TEST_MODERN'] !== undefined) return;
    // What RUN made by chance is the same only when its layer comes from the store.
    const ci = await layersOf(taken.images[1]?.reference ?? '');
    await emptyEngine();
    await writeFile(join(repository.path, 'docker/tools/more'), 'a step more\n');
    const steps = `${FILES['docker/tools/Dockerfile']}COPY more /more\n`;
    await writeFile(join(repository.path, 'docker/tools/Dockerfile'), steps);
    await repository.git('add', 'docker/tools/more');
    const grown = await json('image', 'build', 'tools', '--worktree');
    await repository.git('reset', '--quiet', '--hard', first);
    expect(grown.images).toMatchObject([{ outcome: 'built' }]);
    expect((await layersOf(grown.images[0]?.reference ?? '')).slice(0, -1)).toEqual(ci);
  });

  it('takes the working tree when it is told to, leaves names of the engine alone, and exits 1 for a Dockerfile that fails', async () => {
    await pushed();
    const committed = await json('image', 'hash', 'lint');
    await writeFile(join(repository.path, 'docker/lint/rules.txt'), 'rules 2, not committed\n');
    const mine = (await json('image', 'load', 'tools')).images[0]?.engineImageId ?? '';
    // A person's own image that happens to have the name of a base.
    await engine.docker.getImage(mine).tag({ repo: 'debian', tag: 'bookworm' });
    const objects = await world.objects();

    const warned = await slipway(['image', 'hash', 'lint']);
    const built = await json('image', 'build', 'lint', '--worktree');
    const hashed = await json('image', 'hash', 'lint', '--worktree');

    expect(warned.stderr).toContain('not committed, so not looked at: docker/lint/rules.txt');
    expect(built.images).toMatchObject([{ outcome: 'built', worktree: true }]);
    expect(built.images[0]?.imageHash).toBe(hashed.images[0]?.imageHash);
    expect(built.images[0]?.imageHash).not.toBe(committed.images[0]?.imageHash);
    expect((await engine.docker.getImage('debian:bookworm').inspect()).Id).toBe(mine);
    expect(await world.objects()).toEqual(objects);

    await writeFile(join(repository.path, 'docker/lint/Dockerfile'), `${CHILD}RUN cat /absent\n`);
    const failed = await slipway(['image', 'build', 'lint', '--worktree']);
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain('/absent');
    await repository.git('checkout', '--quiet', '.');
  });

  it('builds one after the other when two are told to at once, and each has the names that it builds on', async () => {
    await pushed();
    // So large that one would be done with the names while the other still builds on them.
    await writeFile(join(repository.path, 'docker/lint/rules.txt'), randomBytes(60_000_000));
    const build = ['image', 'build', 'lint', '--worktree'];

    const both = await Promise.all([slipway([...build, '--rebuild']), slipway([...build, '--rebuild'])]);
    const third = await slipway(build);
    await repository.git('checkout', '--quiet', '.');

    expect(both.map(({ exitCode, stderr }) => (exitCode === 0 ? 'good' : stderr))).toEqual(['good', 'good']);
    expect(
      both.filter(({ stderr }) => stderr.includes('builds in this engine; waiting for it')),
    ).toHaveLength(1);
    expect(both[0].stdout).toBe(both[1].stdout);
    expect(third.stderr).toContain('lint: in the engine, built before');
    expect((await namesInEngine()).filter((name) => /invalid\/(build|parent)/.test(name))).toEqual([]);
  });

  it('builds again what stands on a parent that was built again since', async () => {
    // So that CI has neither.
    await writeFile(join(repository.path, 'docker/base/noise'), randomBytes(3000).toString('base64'));
    const build = ['image', 'build', '--worktree'];
    const before = await json(...build, 'lint');
    const [base] = (await json(...build, 'base', '--rebuild')).images;
    // That gave the same layers once more.
    expect((await slipway([...build, 'lint'])).stderr).toContain('lint: in the engine, built before');

    // As a build does whose steps give something else each time; this engine has no network to run one.
    const container = await engine.docker.createContainer({ Image: base?.reference ?? '', Cmd: ['x'] });
    await container.putArchive(Readable.from([await tarOf({ chance: randomBytes(100) })]), { path: '/' });
    const [repo, tag] = (base?.reference ?? '').split(':');
    await container.commit({ repo, tag });
    await container.remove();
    const after = await slipway([...build, 'lint', '--json']);
    const again = await slipway([...build, 'lint']);
    await repository.git('checkout', '--quiet', '.');

    expect(after.stderr).toContain('lint: in the engine, but its parent base was built again since');
    const [lint] = (JSON.parse(after.stdout) as Printed).images;
    expect(lint).toMatchObject({ outcome: 'built', reference: before.images[0]?.reference });
    expect((await layersOf(lint?.reference ?? '')).slice(0, -1)).toEqual(
      await layersOf(base?.reference ?? ''),
    );
    expect(again.stderr).toContain('lint: in the engine, built before');
  });

  it('builds once more, and not each time, what only copies from a parent that was built again', async () => {
    await writeFile(join(repository.path, 'docker/base/noise'), randomBytes(3000).toString('base64'));
    const copied =
      'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT AS parent\nFROM debian:bookworm\nCOPY --from=parent /noise /noise\n';
    for (const name of ['copied', 'deep']) {
      await mkdir(join(repository.path, 'docker', name));
      await writeFile(join(repository.path, 'docker', name, 'Dockerfile'), copied);
    }
    const { images, ...rest } = FILES['slipway.yml'];
    const chain = {
      copied: { context: 'docker/copied', parent: 'base' },
      deep: { context: 'docker/deep', parent: 'copied' },
    };
    const config = JSON.stringify({ ...rest, images: { ...images, ...chain } });
    await writeFile(join(repository.path, 'slipway.yml'), config);
    await repository.git('add', 'docker');
    const build = ['image', 'build', '--worktree', 'deep'];
    await json(...build);
    const [base] = (await json('image', 'build', '--worktree', 'base')).images;

    const container = await engine.docker.createContainer({ Image: base?.reference ?? '', Cmd: ['x'] });
    await container.putArchive(Readable.from([await tarOf({ chance: randomBytes(100) })]), { path: '/' });
    const [repo, tag] = (base?.reference ?? '').split(':');
    await container.commit({ repo, tag });
    await container.remove();
    const after = await slipway(build);
    const again = await slipway(build);
    await repository.git('reset', '--quiet', '--hard', first);

    expect(after.stderr).toContain('copied: in the engine, but its parent base was built again since');
    expect(after.stdout).toBe(again.stdout);
    expect(again.stderr).toContain('deep: in the engine, built before');
  });

  it('does without a server, and then says that a hash is not known', async () => {
    const home = join(world.home, 'nowhere');
    // A base under its own name, as it is there after any build.
    await json('image', 'build', 'base', '--rebuild');

    const built = await slipway(['image', 'build', 'lint', '--json'], { SLIPWAY_HOME: home });

    expect(built).toMatchObject({ exitCode: 0 });
    expect(built.stderr).toContain('no stack runs');
    const { images } = JSON.parse(built.stdout) as Printed;
    expect(images).toMatchObject([
      { imageHash: null, reference: expect.stringMatching(/^slipway\.invalid\/image:local-[0-9a-f]{64}$/) },
    ]);
    expect(await layersOf(images[0]?.reference ?? '')).not.toEqual([]);
  });
});

describe('slipway image load and export', () => {
  it('bring the image that a name, a task, a push, a hash or a tarball stands for, and only what is missing', async () => {
    const document = await pushed();
    const lint = imageOf(document, 'lint');
    const tools = imageOf(document, 'tools');
    await emptyEngine();

    const first = await json('image', 'load', 'lint', '--tag', 'lint:now');
    expect(first.images).toMatchObject([{ name: 'lint', reference: 'lint:now', taskId: lint.taskId }]);
    expect(await layersOf('lint:now')).toEqual(await layersOf(`slipway.invalid/image:${lint.imageHash}`));
    const id = first.images[0]?.engineImageId;
    const task = (label: string): string =>
      document.tasks.find((other) => other.label === label)?.taskId ?? '';
    for (const what of [lint.taskId, task('check'), lint.imageHash?.slice(0, 10) ?? '']) {
      const { images } = await json('image', 'load', what);
      expect(images).toMatchObject([{ engineImageId: id, way: 'present', bytesLoaded: 0 }]);
    }
    const all = await json('image', 'load', document.id);
    expect(all.images.map(({ name }) => name).sort()).toEqual(['base', 'lint', 'tools']);
    const one = await json('image', 'load', document.revision.slice(0, 12), '--image', 'tools');
    expect(one.images).toMatchObject([{ name: 'tools', taskId: tools.taskId, bytesLoaded: 0 }]);
    const plain = await json('image', 'load', task('plain'));
    expect(plain.images).toMatchObject([
      { name: 'debian:bookworm', reference: expect.stringContaining('image:base-') },
    ]);
    const several = await slipway(['image', 'load', document.id, '--tag', 'x:1']);
    expect(several).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('choose by --image') });

    // Only the layer that lint has beyond its parent is gone.
    for (const name of ['lint:now', `slipway.invalid/image:${lint.imageHash}`])
      await engine.docker.getImage(name).remove();
    const delta = await json('image', 'load', 'lint');
    expect(delta.images[0]?.bytesLoaded).toBeGreaterThan(0);
    expect(delta.images[0]?.bytesLoaded).toBeLessThan(100_000);
  });

  it('load the images of a push that are there, name the others, and exit with 1', async () => {
    const broken = { ...FILES, 'docker/tools/Dockerfile': 'FROM debian:bookworm\nRUN false\n' };
    const document = await world.push(repository, await repository.commit(broken));
    await repository.git('reset', '--quiet', '--hard', first);
    expect(outcomesOf(document)).toMatchObject({ tools: 'failed' });

    const loaded = await slipway(['image', 'load', document.id]);

    expect(loaded.exitCode).toBe(1);
    const references = ['base', 'lint'].map(
      (name) => `slipway.invalid/image:${imageOf(document, name).imageHash}`,
    );
    expect(loaded.stdout.trim().split('\n').sort()).toEqual(references.sort());
    for (const reference of references) expect(await layersOf(reference)).not.toEqual([]);
    expect(loaded.stderr).toContain(`Image tools of ${document.id} is not there: it is failed`);
    const printed = await slipway(['image', 'load', document.id, '--json']);
    expect(printed.exitCode).toBe(1);
    expect(JSON.parse(printed.stdout)).toMatchObject({ missing: [{ name: 'tools' }] });
    const tools = await slipway(['image', 'load', document.id, '--image', 'tools']);
    expect(tools).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('move the same tarball as everywhere, whole, compressed, or without the layers of another image', async () => {
    const document = await pushed();
    const lint = imageOf(document, 'lint');
    const out = join(world.home, 'exported');
    await mkdir(out);
    const file = (name: string): string => join(out, name);

    await slipway(['image', 'export', 'lint', '-o', file('lint.tar')]);
    await slipway(['image', 'export', lint.taskId, '--zstd', '-o', file('lint.tar.zst')]);
    const artifact = ['download', lint.taskId, 'public/image.tar', '-o', file('artifact.tar')];
    expect((await slipway(artifact)).exitCode).toBe(0);
    const exportSince = (
      name: string,
      output: string,
    ): Promise<{ needs: { reference: string; diffIds: string[] } }> =>
      json('image', 'export', name, '--since', 'base', '-o', file(output));
    const since = await exportSince('lint', 'delta.tar');
    const aside = await exportSince('tools', 'aside.tar');
    await slipway(['image', 'export', 'lint', '--since', document.id, '--zstd', '-o', file('none.tar.zst')]);

    const seen = captureStreams({ tty: true });
    const exported = await runCommandLine(
      ['image', 'export', 'lint', '--repo', repository.path, '-o', file('seen.tar')],
      {
        ...{ stdout: seen.out, stderr: seen.err },
        env: { SLIPWAY_HOME: world.home },
        interruption: { signal: new AbortController().signal },
      },
    );

    // A person sees each layer with its bytes and rate.
    expect(exported).toBe(0);
    const lines = seen.stderr().match(/ {2}[0-9a-f]{12} {2}[\d.]+ [kM]?B in [^\n]*B\/s\n/g);
    expect(lines).toHaveLength(since.needs.diffIds.length + 1);
    const whole = await readFile(file('lint.tar'));
    expect(sha256(whole)).toBe(sha256(await readFile(file('seen.tar'))));
    expect(sha256(whole)).toBe(sha256(await readFile(file('artifact.tar'))));
    const zst = await readFile(file('lint.tar.zst'));
    expect(sha256(zstdDecompressSync(zst))).toBe(sha256(whole));
    const compressedArtifact = [
      'download',
      lint.taskId,
      'public/image.tar.zst',
      '-o',
      file('artifact.tar.zst'),
    ];
    expect((await slipway(compressedArtifact)).exitCode).toBe(0);
    expect(sha256(zst)).toBe(sha256(await readFile(file('artifact.tar.zst'))));
    expect((await stat(file('delta.tar'))).size).toBeLessThan(50_000);
    expect(since.needs.reference).toBe(`slipway.invalid/base:${imageOf(document, 'base').imageHash}`);

    // Where the other image is not, it cannot be loaded, and nothing is left of the try.
    await emptyEngine();
    for (const name of ['delta.tar', 'none.tar.zst']) {
      const refused = await slipway(['image', 'load', file(name)]);
      expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
      expect(refused.stderr).toMatch(/leaves out [34] layers that this engine .* lacks\. Load first/);
    }
    expect(await namesInEngine()).toEqual([]);
    // The containerd store takes it and says nothing; by itself, no classic one does.
    if (process.env['SLIPWAY_TEST_MODERN'] === undefined) {
      expect((await docker('load', '--input', file('delta.tar'))).exitCode).not.toBe(0);
      expect(await namesInEngine()).toEqual([]);
    }

    // Where it is, it can, by anybody; no server is needed for that.
    await json('image', 'load', document.id, '--image', 'base');
    const nowhere = { SLIPWAY_HOME: join(world.home, 'nowhere') };
    const loaded = await slipway(['image', 'load', file('delta.tar'), '--json'], nowhere);
    expect(loaded.exitCode).toBe(0);
    const { images } = JSON.parse(loaded.stdout) as Printed;
    const name = `slipway.invalid/lint:${lint.imageHash}`;
    expect(images).toMatchObject([{ reference: name }]);
    const layers = await layersOf(name);
    expect(layers.slice(0, since.needs.diffIds.length)).toEqual(since.needs.diffIds);
    await engine.docker.getImage(name).remove();
    expect((await docker('load', '--input', file('delta.tar'))).exitCode).toBe(0);
    expect(await layersOf(name)).toEqual(layers);

    // Of an image that shares more with it than the beginning, too.
    expect((await docker('load', '--input', file('aside.tar'))).exitCode).toBe(0);
    const tools = await layersOf(`slipway.invalid/tools:${imageOf(document, 'tools').imageHash}`);
    expect(aside.needs.diffIds).toEqual(tools.slice(0, 1));
    expect(tools.at(-1)).toBe(since.needs.diffIds.at(-1));

    const compressed = await slipway(['image', 'load', file('lint.tar.zst'), '-t', 'lint:file'], nowhere);
    expect(compressed).toMatchObject({ exitCode: 0, stdout: 'lint:file\n' });
    expect(await layersOf('lint:file')).toEqual(layers);
    await engine.docker.getImage(name).remove();
    expect((await docker('load', '--input', file('lint.tar'))).exitCode).toBe(0);
    expect(await layersOf(name)).toEqual(layers);
  });
});

describe('slipway image rm', () => {
  it('takes an image out of index and engine where its level’s keys are, and the next push builds it again', async () => {
    const document = await pushed();
    const lint = imageOf(document, 'lint');
    await json('image', 'load', 'lint');
    const entry = (await world.objects()).filter((key) => key.includes(`/images/lint/${lint.imageHash}`));
    expect(entry).toHaveLength(1);

    // A client without the keys of the workers, and somebody who is not asked.
    const poor = join(world.home, 'poor');
    await mkdir(poor);
    await cp(join(world.home, 'stack.json'), join(poor, 'stack.json'));
    const refused = await slipway(['image', 'rm', 'lint', '--yes'], { SLIPWAY_HOME: poor });
    const unasked = await slipway(['image', 'rm', 'lint'], { TZ: 'Asia/Tokyo' });
    expect(refused).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('may not write at level 1'),
    });
    expect(unasked).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('add --yes') });
    expect(unasked.stderr).toMatch(/built by \S+ on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\+9, /);
    expect(await world.objects()).toEqual(expect.arrayContaining(entry));

    const removed = await json<object>(
      'image',
      'rm',
      'lint',
      '--hash',
      lint.imageHash?.slice(0, 8) ?? '',
      '--yes',
    );
    expect(removed).toMatchObject({
      removed: [{ level: 1, taskId: lint.taskId }],
      engine: { removed: true },
    });
    expect((await world.objects()).filter((key) => entry.includes(key))).toEqual([]);
    expect(await namesInEngine()).not.toContain(`slipway.invalid/image:${lint.imageHash}`);
    expect(await slipway(['image', 'load', 'lint'])).toMatchObject({ exitCode: 2 });
    expect(await slipway(['image', 'rm', 'lint', '--yes'])).toMatchObject({ exitCode: 2 });

    const again = await world.push(repository, document.revision, { again: true });
    expect(outcomesOf(again)).toEqual({ base: 'reused', lint: 'built', tools: 'reused' });
  });
});

function docker(...args: string[]): Promise<ProgramResult> {
  const env = { ...process.env, DOCKER_HOST: `unix://${engine.socketPath}` };
  return runProgram(['docker', ...args], { cwd: world.home, env, input: undefined, timeoutMs: 120_000 });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
