import { PassThrough, Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';
import type { Engine } from '../../../docker/engine.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import { RunLog } from '../../../steps/run-log.ts';
import { saveArtifact } from '../../../steps/save-artifact.ts';
import type { ArtifactsOfRun } from '../../../steps/save-artifact.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';

const pushId = `push/demo/1/${'a'.repeat(40)}`;
const taskId = taskIdIn(pushId, 't');

/** What an engine without good will has at `/out` is that archive; it has files at these paths too, executable where they are called `run`. */
async function uploadOf(
  fill: (tar: Pack) => void,
  files: readonly string[],
  {
    objects = createMemoryObjectStore(),
    signal = new AbortController().signal,
  }: { readonly objects?: ObjectStore; readonly signal?: AbortSignal } = {},
): Promise<{ readonly upload: ArtifactsOfRun; readonly asked: string[] }> {
  const store = createStore(objects);
  const asked: string[] = [];
  const readPath: Engine['containers']['readPath'] = (_container, path) => {
    asked.push(path);
    if (path === '/out') {
      const tar = pack();
      fill(tar);
      tar.finalize();
      return Promise.resolve({ type: 'directory', tar: tar.pipe(new PassThrough()) });
    }
    if (!files.includes(path)) return Promise.resolve(undefined);
    return Promise.resolve({
      type: 'file',
      sizeBytes: 4,
      executable: path.endsWith('/run'),
      body: Readable.from(['text'], { objectMode: false }),
    });
  };
  const task = { pushId, taskId, plannedAt: '', label: 't', level: 1, firstRun: 0, retries: 0 } as const;
  const upload: ArtifactsOfRun = {
    store,
    engine: { containers: { readPath } } as unknown as Engine,
    input: { task: { ...task, deadlineSeconds: 1, maxRunTimeSeconds: 1 }, run: 0 },
    container: 'c',
    log: await RunLog.open(store.logs, taskId, 0),
    context: {
      signal,
      isCanceled: () => false,
      onProgress: () => undefined,
    },
  };
  return { upload, asked };
}

describe('a directory artifact', () => {
  const spec = { type: 'directory', path: '/out', optional: false } as const;

  it('is read at its own paths only, whatever its hard links say that they are links to', async () => {
    const { upload, asked } = await uploadOf(
      (tar) => {
        tar.entry({ name: 'out/', type: 'directory' });
        tar.entry({ name: 'out/file' }, 'text');
        tar.entry({ name: 'out/linked', type: 'link', linkname: '../../etc/shadow' });
        tar.entry({ name: 'out/../../etc/passwd', type: 'link', linkname: 'out/file' });
        tar.entry({ name: '../out/other', type: 'link', linkname: 'out/file' });
        tar.entry({ name: 'out/symlink', type: 'symlink', linkname: '/etc/shadow' });
        tar.entry({ name: 'out/second', type: 'link', linkname: 'out/symlink' });
      },
      ['/out/linked', '/out/second', '/etc/shadow', '/etc/passwd'],
    );

    const saved = await saveArtifact(upload, 'public/out', spec);

    expect(asked).toEqual(['/out', '/out/linked']);
    expect(saved).toMatchObject([{ name: 'public/out/file' }, { name: 'public/out/linked' }]);
    await upload.log.flush();
  });

  it('has no directory that holds no file, and the log counts those that are left out', async () => {
    const { upload } = await uploadOf(
      (tar) => {
        tar.entry({ name: 'out/', type: 'directory' });
        for (const name of ['full', 'full/below', 'linked', 'none', 'none/below', 'links'])
          tar.entry({ name: `out/${name}/`, type: 'directory' });
        tar.entry({ name: 'out/full/below/file' }, 'text');
        tar.entry({ name: 'out/linked/file', type: 'link', linkname: 'out/full/below/file' });
        tar.entry({ name: 'out/links/link', type: 'symlink', linkname: '../full' });
      },
      ['/out/linked/file'],
    );

    const saved = await saveArtifact(upload, 'public/out', spec);
    await upload.log.flush();

    expect(saved).toMatchObject([{ name: 'public/out/full/below/file' }, { name: 'public/out/linked/file' }]);
    const log = (await (await upload.store.logs.read(taskId, 0)).toArray()).join('');
    expect(log).toContain('Artifact public/out: symlinks and special files are left out (1)\n');
    expect(log).toContain('Artifact public/out: directories without files are left out (3)\n');
  });

  it('has no file whose name is not UTF-8, and the log counts them; a name that has the sign for it is kept', async () => {
    const { upload } = await uploadOf(
      (tar) => {
        // So a name is decoded of which a byte is no UTF-8: two of them may become one.
        tar.entry({ name: 'out/q\uFFFD' }, 'one');
        tar.entry({ name: 'out/q\uFFFD' }, 'two');
        tar.entry({ name: 'out/d\uFFFD/', type: 'directory' });
        tar.entry({ name: 'out/d\uFFFD/file' }, 'three');
        tar.entry({ name: 'out/good' }, 'good');
        tar.entry({ name: 'out/l\uFFFD', type: 'link', linkname: 'out/good' });
        tar.entry({ name: 'out/own\uFFFD' }, 'mine');
      },
      ['/out/own\uFFFD'],
    );

    const saved = await saveArtifact(upload, 'public/out', spec);
    await upload.log.flush();

    expect(saved).toMatchObject([{ name: 'public/out/good' }, { name: 'public/out/own\uFFFD' }]);
    const log = (await (await upload.store.logs.read(taskId, 0)).toArray()).join('');
    expect(log).toContain('Artifact public/out: files whose names are not UTF-8 are left out (4)\n');
    expect(log).not.toContain('directories without files');
  });

  it('of which every directory has a file says nothing of them', async () => {
    const { upload } = await uploadOf((tar) => {
      tar.entry({ name: 'out/', type: 'directory' });
      tar.entry({ name: 'out/full/', type: 'directory' });
      tar.entry({ name: 'out/full/file' }, 'text');
    }, []);

    await saveArtifact(upload, 'public/out', spec);
    await upload.log.flush();

    expect((await (await upload.store.logs.read(taskId, 0)).toArray()).join('')).toBe('');
  });

  it('with a hard link that cannot be read is no artifact: nothing of it vanishes in silence', async () => {
    const { upload } = await uploadOf((tar) => {
      tar.entry({ name: 'out/file' }, 'text');
      tar.entry({ name: 'out/linked', type: 'link', linkname: 'out/file' });
    }, []);

    expect(await saveArtifact(upload, 'public/out', spec)).toBe('incomplete: linked in it cannot be read');
  });

  it('has a record of each file, which says that it is executable when its owner may execute it, and else nothing of that', async () => {
    const { upload } = await uploadOf(
      (tar) => {
        tar.entry({ name: 'out/all', mode: 0o755 }, 'text');
        tar.entry({ name: 'out/owner', mode: 0o100 }, 'text');
        tar.entry({ name: 'out/others', mode: 0o655 }, 'text');
        tar.entry({ name: 'out/none', mode: 0o644 }, 'text');
        tar.entry({ name: 'out/run', type: 'link', linkname: 'out/all' });
        tar.entry({ name: 'out/linked', type: 'link', linkname: 'out/none' });
      },
      ['/out/run', '/out/linked'],
    );

    const saved = await saveArtifact(upload, 'public/out', spec);

    const told = { all: true, owner: true, others: undefined, none: undefined, run: true, linked: undefined };
    expect(saved).toHaveLength(6);
    for (const [name, executable] of Object.entries(told)) {
      const record = await upload.store.artifacts.find(taskId, 0, `public/out/${name}`);
      expect(saved).toContainEqual(record);
      expect([name, record?.executable]).toEqual([name, executable]);
      expect(JSON.stringify(record).includes('executable')).toBe(executable === true);
    }
  });
});

describe('an artifact of another type than was declared', () => {
  it.each([
    ['file', '/out', 'a directory, not a file'],
    ['directory', '/file', 'a file, not a directory'],
    ['volume', '/file', 'a file, not a directory'],
    ['file', '/none', 'absent'],
  ] as const)('is not saved: a %s at %s is %s', async (type, path, found) => {
    const { upload } = await uploadOf((tar) => tar.entry({ name: 'out/file' }, 'text'), ['/file']);

    expect(await saveArtifact(upload, 'public/a', { type, path, optional: true })).toBe(found);
    expect(await upload.store.artifacts.find(taskId, 0, 'public/a')).toBeUndefined();
  });
});

it('An artifact has the type that its author gave it, and else that of its ending', async () => {
  const { upload } = await uploadOf(() => undefined, ['/a.tar']);
  const spec = { type: 'file', path: '/a.tar', optional: false } as const;

  expect(await saveArtifact(upload, 'public/a.tar', spec)).toMatchObject([
    { contentType: 'application/x-tar' },
  ]);
  expect(
    await saveArtifact(upload, 'public/a.tar', { ...spec, contentType: 'application/x-own' }),
  ).toMatchObject([{ contentType: 'application/x-own' }]);
});

describe('the files of a directory artifact', () => {
  const spec = { type: 'directory', path: '/out', optional: false } as const;
  const MIB = 1024 ** 2;

  /** A store that takes its time for each artifact, the longer the earlier it came; `onPut` may refuse one. */
  function slowStore(onPut: (name: string, signal?: AbortSignal) => void = () => undefined) {
    const objects = createMemoryObjectStore();
    const seen = { begun: [] as string[], underWay: new Map<string, number>(), mostFiles: 0, mostBytes: 0 };
    const put: ObjectStore['put'] = async (key, body, options) => {
      const name = key.slice(key.lastIndexOf('/') + 1);
      if (!key.includes('/artifacts/')) return objects.put(key, body, options);
      seen.begun.push(name);
      seen.underWay.set(name, body.byteLength);
      seen.mostFiles = Math.max(seen.mostFiles, seen.underWay.size);
      const bytes = [...seen.underWay.values()].reduce((sum, size) => sum + size, 0);
      seen.mostBytes = Math.max(seen.mostBytes, bytes);
      try {
        for (let turns = 50 - (seen.begun.length % 50); turns > 0; turns -= 1) await turn();
        onPut(name, options?.signal);
        return await objects.put(key, body, options);
      } finally {
        seen.underWay.delete(name);
      }
    };
    return { objects: { ...objects, put }, seen };
  }

  const fill =
    (sizes: readonly number[]) =>
    (tar: Pack): void => {
      tar.entry({ name: 'out/', type: 'directory' });
      for (const [n, size] of sizes.entries())
        tar.entry({ name: `out/${n}`, ...(n === 3 ? { mode: 0o755 } : {}) }, Buffer.alloc(size, n));
    };

  it('are saved several at once where they are small, and listed in their order', async () => {
    const { objects, seen } = slowStore();
    const sizes = Array.from({ length: 100 }, (_, n) => n);
    const { upload } = await uploadOf(fill(sizes), [], { objects });

    const saved = await saveArtifact(upload, 'public/out', spec);

    expect(saved).toMatchObject(sizes.map((sizeBytes) => ({ name: `public/out/${sizeBytes}`, sizeBytes })));
    expect((saved as readonly object[]).filter((record) => 'executable' in record)).toMatchObject([
      { name: 'public/out/3' },
    ]);
    for (const n of [0, 1, 99]) {
      const body = await upload.store.artifacts.read(taskId, 0, `public/out/${n}`);
      expect(Buffer.concat(await body.toArray())).toEqual(Buffer.alloc(n, n));
    }
    expect(seen.mostFiles).toBe(8);
  });

  it('are in memory up to a bound, and large ones one after the other', async () => {
    const { objects, seen } = slowStore();
    const sizes = Array.from({ length: 36 }, (_, n) => (n % 9 === 4 ? 3 * MIB : MIB));
    const { upload } = await uploadOf(fill(sizes), [], { objects });

    const saved = await saveArtifact(upload, 'public/out', spec);

    expect(saved).toMatchObject(sizes.map((sizeBytes, n) => ({ name: `public/out/${n}`, sizeBytes })));
    expect(seen.mostBytes).toBeLessThanOrEqual((8 + 3) * MIB);
  });

  it('are not gone on with after one that cannot be saved, whose error is the one to tell; then none is under way', async () => {
    const { objects, seen } = slowStore((name) => {
      if (name === '5') throw new RangeError('no room for 5');
    });
    const { upload } = await uploadOf(fill(Array<number>(100).fill(10)), [], { objects });

    await expect(saveArtifact(upload, 'public/out', spec)).rejects.toThrow('no room for 5');

    expect(seen.underWay.size).toBe(0);
    const { length } = seen.begun;
    expect(length).toBeLessThanOrEqual(5 + 8);
    for (let turns = 100; turns > 0; turns -= 1) await turn();
    expect(seen.begun).toHaveLength(length);
  });

  it('are not gone on with after a cancel, and then none is under way', async () => {
    const cancel = new AbortController();
    const { objects, seen } = slowStore((name, signal) => {
      if (name === '5') cancel.abort(new Error('cancelled'));
      signal?.throwIfAborted();
    });
    const { upload } = await uploadOf(fill(Array<number>(100).fill(10)), [], {
      objects,
      signal: cancel.signal,
    });

    await expect(saveArtifact(upload, 'public/out', spec)).rejects.toThrow();

    expect(seen.underWay.size).toBe(0);
    expect(seen.begun.length).toBeLessThanOrEqual(5 + 9);
  });

  it('are not saved as if they were whole where the archive ends within one', async () => {
    const { upload } = await uploadOf(() => undefined, []);
    const { engine } = upload;
    const whole = pack();
    whole.entry({ name: 'out/cut' }, Buffer.alloc(9_000));
    whole.finalize();
    const bytes = Buffer.concat(await Readable.from(whole).toArray());
    engine.containers.readPath = () =>
      Promise.resolve({
        type: 'directory',
        tar: Readable.from([bytes.subarray(0, 5_000)], { objectMode: false }),
      });

    await expect(saveArtifact(upload, 'public/out', spec)).rejects.toThrow('Unexpected end of data');
    expect(await upload.store.artifacts.list(taskId, 0)).toEqual([]);
  });
});

describe('a file artifact', () => {
  it.each([
    ['/made/run', { executable: true }],
    ['/made/text', {}],
  ])('of %s has the record %j', async (path, told) => {
    const { upload } = await uploadOf(() => undefined, [path]);

    const saved = await saveArtifact(upload, 'public/made', { type: 'file', path, optional: false });

    expect(saved).toEqual([
      {
        name: 'public/made',
        sizeBytes: 4,
        sha256: expect.any(String),
        contentType: 'application/octet-stream',
        ...told,
      },
    ]);
  });

  it.each([
    ['html', 'application/octet-stream'],
    ['zip', 'application/octet-stream'],
    ['c', 'application/octet-stream'],
    ['.html', 'application/octet-stream'],
    ['in.d/html', 'application/octet-stream'],
    ['made.', 'application/octet-stream'],
    ['made.unheard-of', 'application/octet-stream'],
    ['made.html', 'text/html; charset=utf-8'],
    ['made.tar.zip', 'application/zip'],
  ])('called %s has the type %s', async (name, contentType) => {
    const { upload } = await uploadOf(() => undefined, ['/made']);

    const saved = await saveArtifact(upload, `public/${name}`, {
      type: 'file',
      path: '/made',
      optional: false,
    });

    expect(saved).toMatchObject([{ contentType }]);
  });
});
