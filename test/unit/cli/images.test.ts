import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findOneImage, isTarball } from '../../../client/cli/find-image.ts';
import { printLines } from '../../../client/cli/print-lines.ts';
import { LayerProgress } from '../../../client/cli/render/layer-progress.ts';
import { describeLocalImage } from '../../../client/cli/render/local-image-text.ts';
import { showBytes, showTransfer } from '../../../client/cli/show-transfer.ts';
import {
  findByHash,
  findImageOfTask,
  findImagesOfPush,
  findImageTaskRanIn,
} from '../../../client/find-images.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import type { LocalImage } from '../../../steps/build-locally.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { OpenStore } from '../../../store/open-store.ts';
import { captureTerminal } from '../../helpers/captured-terminal.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';
import { anImage, aPush } from '../../helpers/push-documents.ts';
import { runVerb } from '../../helpers/run-slipway.ts';
import { anImage as aStoredImage, putImage } from '../../helpers/stored-images.ts';

const HASH = 'ab'.repeat(32);

describe('layers on their way', () => {
  const clock = (): { progress: LayerProgress; pass: (ms: number) => void } => {
    let now = 0;
    return { progress: new LayerProgress(() => now), pass: (ms) => void (now += ms) };
  };

  it('are shown with bytes and rate while they come, and each once more at its end', () => {
    const { progress, pass } = clock();
    progress.update({ message: 'aaa: Pulling fs layer', layer: 'aaa' });
    expect(progress.line()).toBe('');
    progress.update({ message: 'aaa: Downloading', layer: 'aaa', bytes: 0, totalBytes: 9_000_000 });
    progress.update({ message: 'bbb: Downloading', layer: 'bbb', bytes: 0 });
    pass(2_000);
    progress.update({ message: 'aaa: Downloading', layer: 'aaa', bytes: 4_000_000, totalBytes: 9_000_000 });
    progress.update({ message: 'bbb: Downloading', layer: 'bbb', bytes: 2_000_000 });

    expect(progress.line()).toBe('3.0 MB/s: aaa 4.0 MB of 9.0 MB, bbb 2.0 MB');

    pass(1_000);
    expect(progress.update({ message: 'aaa: Download complete', layer: 'aaa' })).toBe(
      '  aaa  9.0 MB in 3.0 s, 3.0 MB/s',
    );
    expect(progress.update({ message: 'aaa: Pull complete', layer: 'aaa' })).toBeUndefined();
    expect(progress.line()).toBe('667 kB/s: bbb 2.0 MB');
  });

  it('that the engine has are not spoken of', () => {
    const { progress } = clock();

    expect(progress.update({ message: 'aaa: Already exists', layer: 'aaa' })).toBeUndefined();
    expect(progress.update({ message: 'Digest: sha256:…' })).toBeUndefined();
    expect(progress.line()).toBe('');
  });

  it('are shown only where a person looks', () => {
    const [person, pipe] = [captureTerminal({ tty: true }), captureTerminal()];
    for (const { terminal } of [person, pipe]) {
      const show = showTransfer(terminal);
      show({ message: 'aaa: Downloading', layer: 'aaa', bytes: 5, totalBytes: 10 });
      show({ message: 'aaa: Download complete', layer: 'aaa' });
      showBytes(terminal, 'lint')(10);
    }

    expect(person.stderr()).toContain('aaa 5 B of 10 B');
    expect(person.stderr()).toContain('  aaa  10 B in');
    expect(pipe.stderr()).toBe('');
  });
});

describe('what was done with an image', () => {
  const image: LocalImage = {
    name: 'lint',
    contextHash: 'c'.repeat(64),
    imageHash: HASH,
    reference: `slipway.invalid/image:${HASH}`,
    engineImageId: 'sha256:1',
    outcome: 'built',
    bytesLoaded: 0,
    steps: 3,
    cachedSteps: 1,
    buildMs: 1_200,
  };

  it.each([
    [{}, 'lint: built in 1.2 s, 1 of 3 steps from the cache'],
    [{ outcome: 'present' as const }, 'lint: was there, nothing moved'],
    [
      { outcome: 'loaded' as const, bytesLoaded: 1_500, taskId: 'image/demo/3/lint/x' },
      'lint: loaded, 1.5 kB fetched; built by image/demo/3/lint/x',
    ],
  ])('is said of %j', (change, text) => {
    expect(describeLocalImage({ ...image, ...change }, { worktree: false })[0]).toBe(text);
  });

  it('says that a hash is of the working tree, and why there is none', () => {
    expect(describeLocalImage(image, { worktree: true }).join('\n')).toContain(
      `imageHash   ${HASH} (of the working tree; not published)`,
    );
    expect(describeLocalImage({ ...image, imageHash: null }, { worktree: false }).at(-1)).toContain(
      'not known: a base has no record',
    );
  });
});

describe('printLines', () => {
  it('hands on whole lines, and what has no end of line at the end', () => {
    const lines: string[] = [];
    const output = printLines((line) => lines.push(line));
    output.write('a');
    output.write('b\nc\n');
    output.write('d');
    expect(lines).toEqual(['ab', 'c']);
    output.end();
    output.end();
    expect(lines).toEqual(['ab', 'c', 'd']);
  });

  it('takes about as long for a line without an end as for the same text in lines', () => {
    const timeOf = (part: string): number => {
      let bytes = 0;
      const output = printLines((line) => (bytes += line.length + 1));
      const began = performance.now();
      for (let parts = 0; parts < 1_000; parts += 1) output.write(part);
      output.end();
      expect(bytes).toBeGreaterThanOrEqual(1_000 * part.length);
      return performance.now() - began;
    };
    const text = 'x'.repeat(8_191);

    // Joined again with each part it takes a thousand times as long.
    expect(timeOf(`${text}y`)).toBeLessThan(50 * (1 + timeOf(`${text}\n`)));
  });
});

describe('a tarball', () => {
  it('is told from the name of an image, a task or a push', async () => {
    using scratch = scratchDirectory();
    const path = join(scratch.path, 'image.tar.zst');
    writeFileSync(path, '');

    const answers = await Promise.all(
      ['-', path, 'lint', '1a2b3c', `task/demo/1/${'a'.repeat(40)}/unit`, 'demo/3/1a2b'].map(isTarball),
    );

    expect(answers).toEqual([true, true, false, false, false, false]);
    for (const end of ['tar', 'tar.gz', 'tgz', 'tar.zst'])
      await expect(isTarball(join(scratch.path, `other.${end}`))).rejects.toThrow('There is no file');
  });
});

describe('an image that somebody names', () => {
  const key = { domain: 'demo', name: 'lint', imageHash: HASH };
  const taskId = `image/demo/1/lint/${HASH}`;
  const digest = `sha256:${'1'.repeat(64)}` as const;
  const entry = {
    version: 1 as const,
    taskId,
    run: 0,
    created: '2026-01-01T00:00:00.000Z',
    manifestDigest: digest,
    configDigest: digest,
    diffIds: [],
    sizeBytes: 1,
    inputs: { contextHash: 'c', args: {}, platform: 'linux/amd64', parent: null, bases: {} },
  };

  it('by its task or the beginning of its hash is what the index has', async () => {
    const store = emptyStore();
    await store.index.write(key, 1, entry);
    await store.index.write({ ...key, name: 'other' }, 1, entry);

    const where = { domains: ['demo', 'else'], level: 1 as const };
    expect(await findImageOfTask(store, taskId)).toMatchObject({
      name: 'lint',
      tag: HASH,
      tarName: `slipway.invalid/lint:${HASH}`,
      taskId,
    });
    expect((await findByHash(store, 'abab', where)).map(({ name }) => name).sort()).toEqual([
      'lint',
      'other',
    ]);
    expect(await findByHash(store, 'abab', { ...where, name: 'lint' })).toHaveLength(1);
    expect(await findByHash(store, 'abac', where)).toEqual([]);
  });

  it('whose name no engine takes has a tarball with another one', async () => {
    const store = emptyStore();
    await store.index.write({ ...key, name: 'lint-' }, 1, entry);

    expect(await findImageOfTask(store, `image/demo/1/lint-/${HASH}`)).toMatchObject({
      name: 'lint-',
      tarName: `slipway.invalid/image:${HASH}`,
    });
  });

  it('by the beginning of a hash is the likely one, else one of any name, unless one is asked for', async () => {
    const store = emptyStore() as OpenStore;
    const baseHash = 'cd'.repeat(32);
    await store.index.write(key, 1, entry);
    await store.index.write({ ...key, name: 'other' }, 1, entry);
    await store.index.write({ ...key, name: 'base', imageHash: baseHash }, 1, entry);
    using scratch = scratchDirectory();
    const config = serverConfigSchema.parse({
      version: 1,
      projects: { demo: { sources: [{ repository: 'file:///srv/demo.git', refs: { '*': 1 } }] } },
    });
    const { terminal } = captureTerminal();
    const session = { terminal, env: { SLIPWAY_HOME: scratch.path }, signal: new AbortController().signal };
    const find = async (what: string, wanted: { image?: string; likely?: string }): Promise<string> => {
      const args = { repo: scratch.path, rev: 'HEAD', ...wanted };
      return (await findOneImage(what, args, { found: { store, config }, session })).name;
    };

    expect(await find('abab', { likely: 'lint' })).toBe('lint');
    expect(await find('cdcd', { likely: 'lint' })).toBe('base');
    await expect(find('cdcd', { image: 'lint' })).rejects.toThrow(
      'no image of this checkout or in the index',
    );
    await expect(find('abab', {})).rejects.toThrow('names 2 images');
  });

  it('by a push is each that is there, and the others are named with the reason', async () => {
    const store = emptyStore() as OpenStore;
    const made = await putImage(store.blobs, await aStoredImage());
    const { manifestDigest } = made.stored;
    const push = aPush({
      state: 'failed',
      images: [
        anImage({ name: 'base', outcome: 'built', manifestDigest }),
        anImage({ name: 'lint', outcome: 'failed' }),
        anImage({ name: 'gone', outcome: 'reused', manifestDigest: digest }),
      ],
    });
    const { project, repository, revision, received } = push;
    await store.pushes.receive({
      ...{ version: 1, pushId: push.id, project, domain: 'demo', level: 1, repository, revision, received },
      ...{ refs: ['refs/heads/main'], request: {}, pushedBy: 'ada' },
    });
    await store.pushes.writeStatus(push);

    const { images, missing } = await findImagesOfPush(store, push.id, undefined);

    expect(images).toMatchObject([{ name: 'base', stored: { manifestDigest } }]);
    expect(missing).toEqual([
      { name: 'lint', why: `Image lint of ${push.id} is not there: it is failed` },
      { name: 'gone', why: expect.stringContaining('is not in the store any more') },
    ]);
    expect(await findImagesOfPush(store, push.id, 'base')).toMatchObject({ missing: [] });
    await expect(findImagesOfPush(store, push.id, 'lint')).rejects.toThrow('it is failed');
    const { terminal } = captureTerminal();
    const session = { terminal, env: {}, signal: new AbortController().signal };
    const config = serverConfigSchema.parse({ version: 1, projects: {} });
    const one = findOneImage(push.id, { repo: '.', rev: 'HEAD' }, { found: { store, config }, session });
    await expect(one).rejects.toThrow('names 3 images: choose by --image base|lint|gone');
  });

  it('is not found once its entry was taken away', async () => {
    const store = emptyStore();
    await store.index.write(key, 1, entry);

    await store.index.remove(key, 1);
    await store.index.remove(key, 1);

    await expect(findImageOfTask(store, taskId)).rejects.toThrow('is not in the index');
  });

  it('of a task or push that is not there is said to be missing', async () => {
    const store = emptyStore();

    await expect(findImageTaskRanIn(store, `task/demo/1/${HASH}/unit`)).rejects.toThrow('has no record');
    await expect(findImagesOfPush(store, `push/demo/1/${HASH}`, undefined)).rejects.toThrow('No push');
    await expect(findByHash(store, digest, { domains: [], level: 1 })).rejects.toThrow('is not in the store');
  });
});

describe('slipway image', () => {
  it.each([
    [['image', 'export', 'lint', '--json'], '--json prints on stdout'],
    [['image', 'load', 'no/such.tar'], 'There is no file no/such.tar'],
    [['image', 'load', 'lint', '--platform', 'linux/arm64'], 'chooses among those of a tarball'],
    [['image', 'build', 'lint', '--worktree', '--rev', 'HEAD~1'], 'leave --rev out'],
    [['image', 'build', 'lint', '--worktree', '--repo', 'https://h.invalid/r.git'], 'on this machine'],
    [['image', 'rm', 'lint', '--level', '4'], 'Invalid values'],
  ])('exits with 2 for %j', async (args, words) => {
    const { exitCode, stdout, stderr } = await runVerb(args);

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(words);
  });
});
