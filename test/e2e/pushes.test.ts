import { createHash, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { startImageRegistry } from '../helpers/image-registry.ts';
import { docker, outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { openStore } from '../../store/open-store.ts';
import { runningProcesses } from '../helpers/running-processes.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

let world: World;
beforeAll(async () => {
  world = await World.open();
  await world.startWorker();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A Dockerfile's first line that makes its content one of this test alone. */
const unique = (): string => `# ${randomUUID()}\n`;

const IMAGES = { base: { context: 'docker/base' }, lint: { context: 'docker/lint', parent: 'base' } };
const baseFile = (): string => `${unique()}FROM debian:bookworm\nRUN echo "made in base" > /base.txt\n`;
/** `f`, by `tar --create | xz`. */
const ARCHIVE =
  '/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/AGldADMAM1AYaImDAdzibiD+BBtGgcTng0DwCPGd5h56lfonC+rtmvXWNAu7Wis6BOTJDNY+gFEcODt7B63sVQsB0RaoJBrqnzLNskH9dGEJfeptDYtsMgq/LCJkHx4MPAbPsVTcuM0T66ieAAAAAACTgcmDIERF8gABhQGAUAAAjeCtMbHEZ/sCAAAAAARZWg==';
const LINT = 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\nCOPY rules.txt /rules.txt\n';
const dockerfiles = (): Record<string, string> => ({
  'docker/base/Dockerfile': baseFile(),
  'docker/lint/Dockerfile': LINT,
  'docker/lint/rules.txt': 'rules 1\n',
});

describe('a push', () => {
  it('without slipway.yml is completed, with no tasks', async () => {
    const repository = await world.createRepository();

    const document = await world.push(repository, await repository.commit({ 'a.txt': 'a' }));

    expect(document).toMatchObject({ state: 'completed', tasks: [], images: [] });
    expect(document.detail).toContain('No slipway.yml');
  });

  it('with mistakes ends malformed-plan with all of them in its record, and starts nothing', async () => {
    const repository = await world.createRepository();
    const yml =
      'version: 1\nimages:\n  a: { context: nowhere }\ntasks:\n  t:\n    image: { in-tree: b }\n    comand: [x]\n';

    const document = await world.push(repository, await repository.commit({ 'slipway.yml': yml }));

    expect(document).toMatchObject({ state: 'exception', reason: 'malformed-plan' });
    const places = document.findings.map(({ line, message }) => `${line} ${message}`);
    expect(places.some((text) => text.startsWith('6 ') && text.includes('"b"'))).toBe(true);
    expect(places.some((text) => text.startsWith('7 ') && text.includes('comand'))).toBe(true);
    await expect(world.live.api.task(`task/${repository.project}/1/${document.revision}/t`)).rejects.toThrow(
      'no record',
    );
  });

  it('of a revision that the repository lacks ends revision-not-found', async () => {
    const repository = await world.createRepository();
    await repository.commit({ 'a.txt': 'a' });

    const document = await world.push(repository, 'f'.repeat(40));

    expect(document).toMatchObject({ state: 'exception', reason: 'revision-not-found' });
  });
});

describe('images and tasks', () => {
  it('builds what is needed once, moves artifacts on, and afterwards only builds what changed', async () => {
    const repository = await world.createRepository();
    const slipway = {
      version: 1,
      images: IMAGES,
      tasks: {
        make: {
          image: { 'in-tree': 'base' },
          command:
            'cat /base.txt /unpacked/f; cp /src/docker/lint/rules.txt /made.txt; mkdir -p /d/sub; echo one > /d/sub/1; id -un',
          artifacts: {
            'public/made.txt': { type: 'file', path: '/made.txt' },
            'public/d': { type: 'directory', path: '/d' },
          },
        },
        check: {
          image: { 'in-tree': 'lint' },
          dependencies: ['make'],
          inputs: {
            '/in/made.txt': { task: 'make', artifact: 'public/made.txt' },
            '/in/d': { task: 'make', artifact: 'public/d' },
          },
          command:
            'cmp /in/made.txt /rules.txt && cat /in/d/sub/1 && test "$TASK_ID" = "$EXPECTED" || echo "task $TASK_ID"',
        },
        plain: { image: 'debian:bookworm', checkout: false, command: ['cat', '/etc/debian_version'] },
      },
    };
    const files = dockerfiles();
    const first = await repository.commit({
      'slipway.yml': slipway,
      ...files,
      // Engines leave it to a program to unpack this.
      'docker/base/Dockerfile': `${files['docker/base/Dockerfile']}ADD a.tar.xz /unpacked/\n`,
      'docker/base/a.tar.xz': Buffer.from(ARCHIVE, 'base64'),
    });

    const one = await world.push(repository, first);

    expect(statesOf(one)).toEqual({
      check: 'completed/completed',
      make: 'completed/completed',
      plain: 'completed/completed',
    });
    expect(outcomesOf(one)).toEqual({ base: 'built', lint: 'built' });
    const [make] = one.tasks.filter(({ label }) => label === 'make');
    expect(await world.log(make?.taskId ?? '')).toContain('made in base\nfrom an archive\nroot\n');
    const listed = await world.live.api.artifacts(make?.taskId ?? '');
    expect(listed.map(({ name }) => name).sort()).toEqual([
      'public/d/sub/1',
      'public/logs/live.log',
      'public/made.txt',
    ]);
    const made = await world.artifact(make?.taskId ?? '', 'public/made.txt');
    expect(made.toString()).toBe('rules 1\n');
    expect(listed.find(({ name }) => name === 'public/made.txt')?.sha256).toBe(
      createHash('sha256').update(made).digest('hex'),
    );

    // The same push again: joined or answered from the record.
    const again = await world.live.api.start({
      repository: repository.url,
      ref: 'refs/heads/main',
      revision: first,
      request: {},
      pushedBy: 'x',
    });
    expect(again.outcome).toBe('resolved');

    // Only the child's context changes.
    const second = await repository.commit({ 'docker/lint/rules.txt': 'rules 2\n' });
    const two = await world.push(repository, second);
    expect(outcomesOf(two)).toEqual({ base: 'reused', lint: 'built' });
    expect(two.images.find(({ name }) => name === 'lint')?.why).toBe('rules.txt:1 changed, +1 −1');
    expect(two.images.find(({ name }) => name === 'lint')?.bytesUploaded).toBeLessThan(50_000);

    // Nothing that an image is made of changes.
    const three = await world.push(repository, await repository.commit({ 'README.md': 'words\n' }));
    expect(outcomesOf(three)).toEqual({ base: 'reused', lint: 'reused' });
    expect(three.images.map(({ bytesUploaded }) => bytesUploaded)).toEqual([0, 0]);

    // One task by its name: only what it needs.
    const four = await world.push(
      repository,
      await repository.commit({
        'docker/lint/rules.txt': 'rules 3\n',
        'docker/base/Dockerfile': `${baseFile()}RUN true\n`,
      }),
      {
        request: { tasks: ['make'] },
      },
    );
    expect(statesOf(four)).toEqual({ make: 'completed/completed' });
    expect(outcomesOf(four)).toEqual({ base: 'built' });
    expect(four.id).toMatch(/~[0-9a-f]{12}$/);

    // The image as a tarball, loaded by the docker client.
    const lint = two.images.find(({ name }) => name === 'lint');
    const ofImage = await world.live.api.artifacts(lint?.taskId ?? '');
    expect(ofImage.map(({ name }) => name)).toEqual([
      'public/image.tar',
      'public/image.tar.zst',
      'public/logs/live.log',
      'public/context.json',
    ]);
    const tar = join(repository.path, 'image.tar');
    await writeFile(tar, await world.artifact(lint?.taskId ?? '', 'public/image.tar'));
    const compressed = await world.artifact(lint?.taskId ?? '', 'public/image.tar.zst');
    expect(zstdDecompressSync(compressed).equals(await readFile(tar))).toBe(true);
    await docker('load', '--input', tar);
    const name = `slipway.invalid/lint:${lint?.imageHash ?? ''}`;
    expect(await docker('run', '--rm', name, 'cat', '/rules.txt')).toBe('rules 2');
    await docker('image', 'rm', name);
    expect(await world.containers()).toEqual([]);
  });

  it('builds once for ten pushes that need the same new image at the same time', async () => {
    const repository = await world.createRepository();
    const yml = {
      version: 1,
      images: { base: { context: 'docker/base' } },
      tasks: { t: { image: { 'in-tree': 'base' }, command: 'true', checkout: false } },
    };
    const dockerfile = `${baseFile()}RUN sleep 2; date +%N > /unique\n`;
    await repository.commit({ 'slipway.yml': yml, 'docker/base/Dockerfile': dockerfile });
    const revisions: string[] = [];
    for (let i = 0; i < 10; i++) revisions.push(await repository.commit({ 'count.txt': String(i) }));

    const ids = await Promise.all(revisions.map((revision) => world.start(repository, revision)));
    const documents = await Promise.all(ids.map((id) => world.verdict(id)));

    expect(documents.map(({ state }) => state)).toEqual(documents.map(() => 'completed'));
    const taskIds = new Set(documents.flatMap(({ images }) => images.map(({ taskId }) => taskId)));
    expect(taskIds.size).toBe(1);
    const [image] = taskIds;
    expect((await world.live.api.task(image ?? '')).runs).toHaveLength(1);
    expect((await world.log(image ?? '')).match(/Building on/g)).toHaveLength(1);
  });

  it('keeps the tarball as an object of its own where that is asked for', async () => {
    const repository = await world.createRepository();
    const yml = {
      version: 1,
      images: { base: { context: 'docker/base', tarball: 'stored' } },
      tasks: { t: { image: { 'in-tree': 'base' }, command: 'true' } },
    };

    const document = await world.push(
      repository,
      await repository.commit({ 'slipway.yml': yml, 'docker/base/Dockerfile': baseFile() }),
    );

    const taskId = document.images[0]?.taskId ?? '';
    const stored = (await world.live.api.artifacts(taskId)).find(({ name }) => name === 'public/image.tar');
    const view = await world.artifact(taskId, 'public/image.tar');
    expect(stored?.sizeBytes).toBe(view.byteLength);
    expect(stored?.sha256).toBe(createHash('sha256').update(view).digest('hex'));

    // Whoever has only S3 finds it by the image's name and hash.
    const { objects, close } = openStore(world.connections.store);
    const [image] = document.images;
    const found: Buffer[] = [];
    for await (const { key } of objects.list(`level-1/tasks/image/`))
      if (key.includes(`/base/${image?.imageHash ?? ''}/`) && key.endsWith('/artifacts/public/image.tar'))
        found.push((await objects.get(key))!.body);
    close();
    expect(found.map((bytes) => bytes.equals(view))).toEqual([true]);
  });
});

describe('failures', () => {
  it('are each told apart, with log, reason and culprit; unrelated tasks go on', async () => {
    await using registry = await startImageRegistry({});
    const repository = await world.createRepository();
    const inBase = { image: { 'in-tree': 'base' }, checkout: false };
    const slipway = {
      version: 1,
      images: {
        base: { context: 'docker/base' },
        broken: { context: 'docker/broken' },
        orphan: { context: 'docker/orphan' },
        child: { context: 'docker/child', parent: 'broken' },
      },
      tasks: {
        'exit-3': { ...inBase, command: 'echo it went wrong; exit 3' },
        'after-exit-3': { ...inBase, command: 'true', dependencies: ['exit-3'] },
        'no-command': { ...inBase, command: ['/no/such/program'] },
        slow: {
          ...inBase,
          command: 'echo early > /early.txt; sleep 600',
          maxRunTime: 2,
          artifacts: { 'public/early.txt': { type: 'file', path: '/early.txt' } },
        },
        missing: {
          ...inBase,
          command: 'true',
          artifacts: {
            'public/x': { type: 'file', path: '/x' },
            'public/y': { type: 'file', path: '/y', optional: true },
          },
        },
        intermittent: { ...inBase, command: 'test "$RUN_ID" = 1 || exit 75', onExitStatus: { retry: [75] } },
        'no-image': { image: `${registry.host}/no/image:1`, command: 'true' },
        'in-broken': { image: { 'in-tree': 'broken' }, command: 'true' },
        'after-broken': { ...inBase, command: 'true', dependencies: ['in-broken'] },
        'in-child': { image: { 'in-tree': 'child' }, command: 'true' },
        'in-orphan': { image: { 'in-tree': 'orphan' }, command: 'true' },
        fine: { ...inBase, command: 'true' },
      },
    };
    const revision = await repository.commit({
      'slipway.yml': slipway,
      'docker/base/Dockerfile': baseFile(),
      'docker/broken/Dockerfile': `${unique()}FROM debian:bookworm\nRUN echo about to break && exit 7\n`,
      'docker/child/Dockerfile': LINT.replace('COPY rules.txt /rules.txt\n', ''),
      'docker/orphan/Dockerfile': 'FROM no.such.invalid/base:1\n',
    });

    const document = await world.push(repository, revision);

    expect(document.reason).toBe('failed');
    expect(statesOf(document)).toEqual({
      'exit-3': 'failed/failed',
      'after-exit-3': 'exception/dependency-failed',
      'no-command': 'failed/failed',
      slow: 'failed/max-run-time-exceeded',
      missing: 'failed/artifact-missing',
      intermittent: 'completed/completed',
      'no-image': 'exception/resource-unavailable',
      'in-broken': 'exception/image-build-failed',
      'after-broken': 'exception/dependency-failed',
      'in-child': 'exception/dependency-failed',
      'in-orphan': 'exception/image-build-failed',
      fine: 'completed/completed',
    });
    const task = (label: string) => document.tasks.find((other) => other.label === label);
    const image = (name: string) => document.images.find((other) => other.name === name);
    expect(task('exit-3')?.runs[0]?.exitCode).toBe(3);
    expect(await world.log(task('exit-3')?.taskId ?? '')).toContain('it went wrong\n');
    expect(task('after-exit-3')?.culprit).toBe('exit-3');
    expect(task('no-command')?.detail).toContain('/no/such/program');
    expect((await world.artifact(task('slow')?.taskId ?? '', 'public/early.txt')).toString()).toBe('early\n');
    expect(task('missing')?.detail).toBe('missing: public/x (absent)');
    expect(task('intermittent')?.runs.map(({ reason }) => reason)).toEqual([
      'intermittent-task',
      'completed',
    ]);
    expect(image('broken')?.detail).toMatch(/RUN echo about to break && exit 7.*exit code 7/s);
    expect(await world.log(image('broken')?.taskId ?? '')).toContain('about to break');
    expect(task('after-broken')?.culprit).toBe(image('broken')?.taskId);
    expect(task('in-child')?.culprit).toBe(image('broken')?.taskId);
    expect(image('orphan')?.detail).toContain('no.such.invalid/base:1');
    expect(await world.log(image('orphan')?.taskId ?? '')).toContain(
      `failed/image-build-failed: ${image('orphan')?.detail}`,
    );
    expect(await world.log(task('in-orphan')?.taskId ?? '')).toContain(
      `First culprit: slipway logs ${image('orphan')?.taskId}\n`,
    );
    expect(await world.containers()).toEqual([]);

    // The next push that needs the image builds it again.
    const mended = await world.push(repository, await repository.commit({ 'more.txt': 'x' }), {
      request: { tasks: ['in-broken'] },
    });
    expect(statesOf(mended)).toEqual({ 'in-broken': 'exception/image-build-failed' });
    expect((await world.live.api.task(image('broken')?.taskId ?? '')).runs).toHaveLength(2);
  });

  it('cancel kills the running container, keeps its log, and ends the push as canceled', async () => {
    const repository = await world.createRepository();
    const yml = {
      version: 1,
      tasks: {
        long: { image: 'debian:bookworm', command: 'sleep 2; echo begun; sleep 617' },
        after: { image: 'debian:bookworm', command: 'true', dependencies: ['long'] },
      },
    };
    const id = await world.start(repository, await repository.commit({ 'slipway.yml': yml }));
    const taskId = `${id.replace('push/', 'task/')}/long`;
    await until(async () => (await world.log(taskId).catch(() => '')).includes('begun\n'));

    expect(await world.live.api.cancel(id)).toBe(true);
    const document = await world.verdict(id);

    expect(document).toMatchObject({ state: 'exception', reason: 'canceled' });
    expect(statesOf(document)).toEqual({ long: 'exception/canceled', after: 'exception/canceled' });
    expect(document.tasks[0]?.runs).toEqual([
      expect.objectContaining({ exitCode: 137, peakMemoryBytes: expect.any(Number) }),
    ]);
    expect(await world.log(taskId)).toContain('begun\n');
    expect(await world.containers()).toEqual([]);
    expect(await runningProcesses()).not.toContain('sleep 617');
  });
});
