import { execFile, execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { lstat, open, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
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

describe('what is there and no file', () => {
  const scratch = scratchDirectory();
  afterAll(() => scratch[Symbol.dispose]());
  const never = (): AbortSignal => new AbortController().signal;
  const pipeCalled = (name: string): string => {
    const path = join(scratch.path, name);
    execFileSync('mkfifo', [path]);
    return path;
  };

  it('takes what is written as a device, and stays one', async () => {
    // By a link, so that a test that fails takes no device from this machine.
    const path = join(scratch.path, 'null');
    await symlink('/dev/null', path);

    expect(await saveFile(Readable.from(['made\n']), path, { sizeBytes: 5, signal: never() })).toBe(5);

    expect(await readlink(path)).toBe('/dev/null');
    expect(await readdir(scratch.path)).toEqual(['null']);
  });

  it('hands it on as a pipe, to a reader that comes late', async () => {
    const path = pipeCalled('pipe');
    const saved = saveFile(Readable.from(['ma', 'de\n']), path, { signal: never() });
    const read = promisify(execFile)('cat', [path], { timeout: 30_000 });

    expect((await read).stdout).toBe('made\n');
    expect(await saved).toBe(5);
    expect((await lstat(path)).isFIFO()).toBe(true);
  });

  it.each([
    ['nobody opens', false],
    ['nobody reads', true],
  ])('ends at the signal as a pipe that %s', async (claim, isOpen) => {
    const path = pipeCalled(claim);
    const reader = isOpen ? openSync(path, constants.O_RDONLY | constants.O_NONBLOCK) : undefined;
    const interruption = new AbortController();
    const body = Readable.from([Buffer.alloc(1_000_000), Buffer.alloc(1)]);
    // By then the pipe is full and the write is under way.
    const onBytes = (): void => void setTimeout(() => interruption.abort(), 100);

    const saved = saveFile(body, path, { onBytes, signal: interruption.signal });
    if (!isOpen) interruption.abort();

    await expect(saved).rejects.toMatchObject({ name: 'AbortError' });
    expect(body.destroyed).toBe(true);
    if (reader !== undefined) closeSync(reader);
  });

  it('gets it after what it has, where it is a file that is open already', async () => {
    const path = join(scratch.path, 'log');
    await using file = await open(path, 'a');
    await file.write('before\n');

    await saveFile(Readable.from(['made\n']), `/dev/fd/${file.fd}`, { signal: never() });

    expect(await readFile(path, 'utf8')).toBe('before\nmade\n');
  });
});
