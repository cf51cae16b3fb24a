import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from '@jest/globals';
import { saveFile } from '../../../client/cli/save-file.ts';
import { UsageError } from '../../../client/cli/usage-error.ts';
import { downloadArtifact } from '../../../client/read-task.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';

const TASK = taskIdIn(`push/demo/1/${'a'.repeat(40)}`, 'make');

describe('a downloaded artifact', () => {
  const store = createStore(createMemoryObjectStore());
  const scratch = scratchDirectory();
  afterAll(() => scratch[Symbol.dispose]());

  it.each([
    ['is executable where it was', { executable: true }, 0o100],
    ['is not executable where it was not', {}, 0],
  ])('%s', async (_claim, told, bit) => {
    const [signal, path] = [new AbortController().signal, join(scratch.path, `of ${bit}`)];
    const options = { contentType: 'text/plain', ...told };
    await store.artifacts.write(TASK, 0, 'public/made', Readable.from(['made\n']), options);

    const { body, executable } = await downloadArtifact(store, TASK, { name: 'public/made', run: 0, signal });
    await saveFile(body, path, { executable, onBytes: () => undefined, signal });

    expect(await readFile(path, 'utf8')).toBe('made\n');
    expect((await stat(path)).mode & 0o100).toBe(bit);
  });
});

describe('a file that cannot be made', () => {
  it.each([
    [
      'in a directory that is not there',
      'none/x',
      /none\/x cannot be written: there is no directory .*none$/,
    ],
    ['below a file', 'file/x', /file\/x cannot be written: .*file is no directory$/],
    ['in place of a directory', '.', /is a directory: name a file in it$/],
    ['under too long a name', 'x'.repeat(255), /its name is too long$/],
  ])('%s is the mistake of who named it, and leaves nothing behind', async (_claim, name, words) => {
    using scratch = scratchDirectory();
    await writeFile(join(scratch.path, 'file'), '');
    const body = Readable.from(['made\n']);

    const error = await saveFile(body, join(scratch.path, name), {
      signal: new AbortController().signal,
    }).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(words);
    expect(await readdir(scratch.path)).toEqual(['file']);
    // What holds a connection to the store lets go of it.
    expect(body.destroyed).toBe(true);
  });
});
