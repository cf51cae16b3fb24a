import { lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { downloadDirectory, findDirectory } from '../../../client/cli/download-directory.ts';
import { downloadArtifact, listArtifacts, readTask } from '../../../client/read-task.ts';
import { EMPTY_DIRECTORY } from '../../../model/pure/artifact-names.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { ArtifactRecord } from '../../../model/schema/records.ts';
import { createStore } from '../../../store/create-store.ts';
import { artifactKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';

const TASK = taskIdIn(`push/demo/1/${'a'.repeat(40)}`, 'arts');
const NEVER = new AbortController().signal;

describe('a directory that is downloaded', () => {
  const objects = createMemoryObjectStore();
  const store = createStore(objects);
  const api = {
    task: (taskId: string) => readTask(store, taskId),
    artifacts: (taskId: string) => listArtifacts(store, taskId),
    download: (taskId: string, name: string, options: { readonly run?: number }) =>
      downloadArtifact(store, taskId, { name, ...options, signal: NEVER }),
  };
  let scratch: ReturnType<typeof scratchDirectory>;
  beforeEach(() => {
    scratch = scratchDirectory();
  });
  afterEach(() => scratch[Symbol.dispose]());

  /** What a run has left, the newest of the task. */
  async function left(
    files: Readonly<Record<string, string | { readonly contentType?: string; readonly executable?: true }>>,
    run = 0,
  ): Promise<void> {
    const artifacts: ArtifactRecord[] = [];
    for (const [name, told] of Object.entries(files)) {
      const [text, more] = typeof told === 'string' ? [told, {}] : ['', told];
      const options = { contentType: 'x/y', ...more };
      artifacts.push(await store.artifacts.write(TASK, run, name, Readable.from([text]), options));
    }
    const ended = { run, state: 'completed', phases: {}, artifacts } as const;
    await store.tasks.change(TASK, (there) => ({
      version: 1,
      taskId: TASK,
      label: 'arts',
      state: 'completed',
      created: '2026-01-01T00:00:00.000Z',
      runs: [...(there?.runs ?? []).slice(0, run), ended],
    }));
  }

  async function download(name: string, output: string, run?: number): Promise<number | undefined> {
    const found = await findDirectory(api, TASK, { name, ...(run === undefined ? {} : { run }) });
    return found && downloadDirectory(api, found, { output, onFile: () => undefined, signal: NEVER });
  }

  it('has every file below its name, of the newest run or of one that is named, and nothing else', async () => {
    await left({ 'public/d/file': 'old', 'public/d/gone': 'old' });
    await left(
      {
        'public/d/file': 'new',
        'public/d/deep/er/file': 'deep',
        'public/d/run': { executable: true },
        'public/d/none': { contentType: EMPTY_DIRECTORY },
        'public/dx': 'another',
      },
      1,
    );
    const [newest, first] = [join(scratch.path, 'newest'), join(scratch.path, 'first')];
    await mkdir(first);

    expect(await download('public/d', newest)).toBe(7);
    expect(await download('public/d', first, 0)).toBe(6);

    const found = await readdir(newest, { recursive: true });
    expect(found.sort()).toEqual(['deep', 'deep/er', 'deep/er/file', 'file', 'none', 'run']);
    expect(await readFile(join(newest, 'file'), 'utf8')).toBe('new');
    expect((await stat(join(newest, 'run'))).mode & 0o100).toBe(0o100);
    expect((await stat(join(newest, 'none'))).isDirectory()).toBe(true);
    expect((await readdir(first)).sort()).toEqual(['file', 'gone']);
    expect(await readdir(scratch.path)).toEqual(['first', 'newest']);
    expect(await download('public/none', newest)).toBeUndefined();
  });

  it.each([
    ['full', 'is there and not empty: name a new directory with -o DIR'],
    ['file', 'is not a directory: name a new one with -o DIR'],
    ['no/such/d', 'cannot be made: there is no directory'],
    ['x'.repeat(255), 'cannot be made: its name is too long'],
  ])('is not written at %s, which changes nothing there', async (name, why) => {
    await left({ 'public/d/file': 'text' });
    await mkdir(join(scratch.path, 'full'));
    await writeFile(join(scratch.path, 'full/mine'), 'mine');
    await writeFile(join(scratch.path, 'file'), 'mine');

    await expect(download('public/d', join(scratch.path, name))).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining(why),
    });
    const found = await readdir(scratch.path, { recursive: true });
    expect(found.sort()).toEqual(['file', 'full', 'full/mine']);
  });

  it('leaves nothing behind when one of its files is damaged, which is said in words', async () => {
    await left({ 'public/d/bad': 'whole', 'public/d/good': 'good' });
    const key = artifactKey(TASK, 0, 'public/d/bad');
    const { metadata, contentType } = (await objects.head(key))!;
    await objects.put(key, Buffer.from('whale'), { metadata: metadata!, contentType: contentType! });
    await mkdir(join(scratch.path, 'empty'));

    for (const name of ['new', 'empty'])
      await expect(download('public/d', join(scratch.path, name))).rejects.toThrow(
        `Artifact "public/d/bad" of ${TASK} is damaged in the store: its bytes are not those that were saved, and what was read of it is of no use. Run that task again: slipway rerun ${TASK}`,
      );
    expect(await readdir(scratch.path, { recursive: true })).toEqual(['empty']);
  });

  it('leaves the directory that it was to be written in what it is, when it fails', async () => {
    await left({ 'public/d/good': 'good', 'public/d/deep/../bad': 'bad' });
    const [empty, link] = [join(scratch.path, 'empty'), join(scratch.path, 'link')];
    await mkdir(empty);
    await symlink('empty', link);
    const before = await stat(empty);

    await expect(download('public/d', link)).rejects.toThrow('is no path in its directory');

    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect((await stat(empty)).ino).toBe(before.ino);
    expect(await readdir(empty)).toEqual([]);
  });

  it('leaves nothing behind when it is interrupted while the store keeps silent', async () => {
    await left({ 'public/d/a': 'a', 'public/d/b': 'b' });
    const found = (await findDirectory(api, TASK, { name: 'public/d' }))!;
    const interruption = new AbortController();
    const silent: typeof api = {
      ...api,
      download: (taskId, name, options) => {
        if (name.endsWith('a')) return api.download(taskId, name, options);
        interruption.abort();
        return new Promise(() => undefined);
      },
    };

    const { signal } = interruption;
    const options = { output: join(scratch.path, 'new'), onFile: () => undefined, signal };
    await expect(downloadDirectory(silent, found, options)).rejects.toMatchObject({ name: 'AbortError' });

    expect(await readdir(scratch.path)).toEqual([]);
  });

  it('is written nowhere else, whatever names a record has', async () => {
    await left({ 'public/d/../../../out': 'text' });

    await expect(download('public/d', join(scratch.path, 'd'))).rejects.toThrow(
      'is no path in its directory',
    );
    expect(await readdir(scratch.path)).toEqual([]);
  });
});
