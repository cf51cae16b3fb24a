import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, it } from '@jest/globals';
import { saveFile } from '../../../client/cli/save-file.ts';
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
