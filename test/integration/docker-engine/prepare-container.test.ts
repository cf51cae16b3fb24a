import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { connectEngine } from '../../../docker/connect.ts';
import type { Engine } from '../../../docker/engine.ts';
import { LABEL } from '../../../docker/labels.ts';
import { removeFleet } from '../../../docker/sweep.ts';
import { EMPTY_DIRECTORY } from '../../../model/pure/artifact-names.ts';
import { taskIdIn } from '../../../model/pure/ids.ts';
import type { Plan, PlannedInput, PlannedTask } from '../../../model/schema/plan.ts';
import { prepareContainer } from '../../../steps/prepare-container.ts';
import { createGitSource } from '../../../source/git-source.ts';
import { createStore } from '../../../store/create-store.ts';
import { artifactKey } from '../../../store/keys.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { startAlteredEngine } from '../../helpers/altered-engine.ts';
import { connectDevEngine, DEV_ENGINE, NO_BLOBS, testFleet } from '../../helpers/dev-engine.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

const TEST_TIMEOUT_MS = 180_000;
jest.setTimeout(TEST_TIMEOUT_MS);

const PUSH = `push/demo/1/${'a'.repeat(40)}`;
const MAKE = taskIdIn(PUSH, 'make');

describe('what is put into a container before it starts', () => {
  const fleet = testFleet();
  const objects = createMemoryObjectStore();
  const store = createStore(objects);
  const scratch = scratchDirectory();
  const source = createGitSource({ mirrorsDirectory: `${scratch.path}/mirrors`, allowFile: true });
  let engine: Engine;
  beforeAll(async () => {
    engine = await connectDevEngine(fleet);
  });
  afterAll(async () => {
    await removeFleet(DEV_ENGINE, fleet, { volumes: true });
    await engine?.close();
    scratch[Symbol.dispose]();
  });

  /** Puts these inputs (and this checkout) into a fresh container of a task, and gives what a command finds there then. */
  async function prepared(
    planned: Pick<Partial<PlannedTask>, 'checkout' | 'inputs'>,
    command: string,
    plan: Partial<Plan> = {},
    through = engine,
  ): Promise<string> {
    const signal = AbortSignal.timeout(TEST_TIMEOUT_MS);
    const context = { signal, isCanceled: () => false, onProgress: () => undefined };
    const name = `slipway-${fleet}-${randomBytes(4).toString('hex')}`;
    const { created } = await engine.containers.ensureCreated(
      {
        name,
        engineImageId: 'debian:bookworm',
        command: ['sh', '-c', command],
        env: {},
        labels: { [LABEL.fleet]: fleet },
        resources: { pids: 16, shmBytes: 2 ** 26 },
      },
      signal,
    );
    createdLast = created;
    const container = {
      name,
      created,
      plan: { pushId: PUSH, plannedAt: '', ...plan } as Plan,
      planned: { checkout: null, inputs: {}, ...planned } as PlannedTask,
      say: (line: string) => void said.push(line),
    };
    const findInput = async (_plan: Plan, { artifact }: { readonly artifact: string }) => {
      const below = [...kept].filter(([name]) => name.startsWith(`${artifact}/`));
      if (below.length > 0) return below.map(([, file]) => file);
      const record = await store.artifacts.find(MAKE, 0, artifact);
      return record ? [{ taskId: MAKE, run: 0, record }] : [kept.get(artifact)!];
    };
    await prepareContainer({ store, engine: through, source, findInput }, container, context);
    await engine.containers.start(name);
    return text(await engine.containers.output(name, signal));
  }

  const said: string[] = [];
  let createdLast = '';

  /** What the record of the run says: of what is in a directory, and of artifacts that are not there any more. */
  const kept = new Map<string, Awaited<ReturnType<typeof written>>>();

  async function written(
    name: string,
    { contentType = 'x/y', expires = '', executable = false, content = Buffer.from('text') as Buffer } = {},
  ) {
    const body = contentType === EMPTY_DIRECTORY ? [] : [content];
    const record = await store.artifacts.write(MAKE, 0, name, Readable.from(body), {
      contentType,
      ...(expires ? { expires } : {}),
      ...(executable ? { executable } : {}),
      signal: new AbortController().signal,
    });
    return { taskId: MAKE, run: 0, record };
  }

  const input = (artifact: string): PlannedInput => ({ task: 'make', artifact });

  it('is an empty directory where an artifact is one; one that is there stays as it is', async () => {
    await written('public/none', { contentType: EMPTY_DIRECTORY });

    const seen = await prepared(
      { inputs: { '/in/none': input('public/none'), '/tmp': input('public/none') } },
      'ls -A /in/none; stat -c "%F %a" /in/none /tmp',
    );

    expect(seen).toBe('directory 755\ndirectory 1777\n');
  });

  it('is executable where an artifact is, and not where it is none', async () => {
    await written('public/run', { executable: true });
    await written('public/file');

    const seen = await prepared(
      { inputs: { '/in/run': input('public/run'), '/in/file': input('public/file') } },
      'stat -c "%a" /in/run /in/file',
    );

    expect(seen).toBe('755\n644\n');
  });

  /** Writes the files of a directory artifact. */
  async function ofDirectory(
    name: string,
    files: Readonly<Record<string, { readonly content?: Buffer; readonly executable?: boolean }>>,
  ): Promise<void> {
    for (const [path, more] of Object.entries(files))
      kept.set(`${name}/${path}`, await written(`${name}/${path}`, more));
  }

  it('is every file of a directory, in what the image has there and through its links, and changes nothing else of it', async () => {
    const large = randomBytes(3_000_000);
    await ofDirectory('public/site', {
      'index.html': {},
      'bin/run': { executable: true },
      'deep/er/a name, é/file': {},
      [`long/${'x'.repeat(120)}/${'y'.repeat(120)}`]: {},
      'lib64/one': {},
      'usr/large': { content: large },
      'usr/none': { content: Buffer.alloc(0) },
      'tmp/kept/file': {},
    });
    said.length = 0;

    const seen = await prepared(
      { inputs: { '/in/site': input('public/site'), '/': input('public/site') } },
      [
        'cd /in/site; find . -type f | LC_ALL=C sort | xargs -d "\\n" stat -c "%a %u:%g %s %n"',
        'sha256sum usr/large; find . -type d ! -perm 755; cat /index.html /bin/run /usr/bin/run lib64/one /usr/lib64/one',
        'echo; cmp usr/large /usr/large; stat -c "%n %F %a" /tmp /tmp/kept /lib64 /bin',
      ].join('; '),
    );

    expect(seen.split('\n')).toEqual([
      '755 0:0 4 ./bin/run',
      '644 0:0 4 ./deep/er/a name, é/file',
      '644 0:0 4 ./index.html',
      '644 0:0 4 ./lib64/one',
      `644 0:0 4 ./long/${'x'.repeat(120)}/${'y'.repeat(120)}`,
      '644 0:0 4 ./tmp/kept/file',
      '644 0:0 3000000 ./usr/large',
      '644 0:0 0 ./usr/none',
      `${createHash('sha256').update(large).digest('hex')}  usr/large`,
      'text'.repeat(5),
      '/tmp directory 1777',
      '/tmp/kept directory 755',
      '/lib64 symbolic link 777',
      '/bin symbolic link 777',
      '',
    ]);
    expect(said).toEqual(['Putting 8 files (3.0 MB) into /in/site', 'Putting 8 files (3.0 MB) into /']);
  });

  it('is not there in part: one of its files that is damaged, or has more bytes than its record says, is told', async () => {
    const signal = AbortSignal.timeout(TEST_TIMEOUT_MS);
    for (const [name, sizeBytes] of [
      ['small', 100],
      ['large', 2_000_000],
    ] as const) {
      const content = randomBytes(sizeBytes);
      const flipped = Buffer.from(content.map((byte, at) => (at === 50 ? byte ^ 1 : byte)));
      const damages = { flipped, cut: content.subarray(0, -1), longer: Buffer.concat([content, content]) };
      for (const [how, bytes] of Object.entries(damages)) {
        const artifact = `public/${name}-${how}`;
        await ofDirectory(artifact, { 'a-good': {}, bad: { content }, good: {} });
        const key = artifactKey(MAKE, 0, `${artifact}/bad`);
        const { metadata, contentType } = (await objects.head(key))!;
        await objects.put(key, bytes, { metadata: metadata!, contentType: contentType!, signal });
        await expect(prepared({ inputs: { '/in': input(artifact) } }, 'true')).rejects.toMatchObject({
          type: 'InputUnavailable',
          message: `Artifact "${artifact}/bad" of run 0 of ${MAKE} is damaged in the store; run that task again`,
        });
      }
    }
  });

  it('is what the record of its run says, and not what the store says by now', async () => {
    const before = await written('public/changed');
    await written('public/changed', { content: Buffer.from('TEXT') });
    kept.set('public/both/changed', before);

    await expect(prepared({ inputs: { '/in': input('public/both') } }, 'true')).rejects.toMatchObject({
      type: 'InputUnavailable',
    });
  });

  it('asks the engine no question for each file', async () => {
    const names = Array.from({ length: 300 }, (_, at) => [`d${at % 10}/f${at}`, {}]);
    await ofDirectory('public/many', Object.fromEntries(names));
    const asked: string[] = [];
    const socketPath = DEV_ENGINE.replace('unix://', '');
    await using altered = await startAlteredEngine(socketPath, scratch.path, {
      refuse: (method, url) => {
        if (url.includes('/archive'))
          asked.push(`${method} ${decodeURIComponent(url.replace(/^.*path=/, ''))}`);
        return undefined;
      },
    });
    const observed = await connectEngine({
      address: altered.address,
      blobs: NO_BLOBS,
      reach: { kind: 'none' },
      fleet,
    });

    const inputs = { '/mnt/in': input('public/many') };
    const seen = await prepared({ inputs }, 'find /mnt/in -type f | wc -l', {}, observed);
    await observed.close();

    expect(seen).toBe('300\n');
    expect(asked.filter((one) => !one.includes('/etc/'))).toEqual([
      'HEAD /mnt',
      'HEAD /mnt/in',
      'PUT /&noOverwriteDirNonDir=1',
    ]);
  });

  it.each([
    ['/etc/passwd/in', '/etc/passwd is not a directory'],
    ['/etc', 'a directory is there, not a file'],
  ])('is refused for good at %s, where the image has something else', async (path, why) => {
    await written('public/file');

    await expect(prepared({ inputs: { [path]: input('public/file') } }, 'true')).rejects.toMatchObject({
      type: 'PathUnusable',
      message: `Nothing can be put at "${path}": ${why}`,
    });
  });

  it('is an artifact as long as it is there, which is told from one that never was', async () => {
    for (const [name, expires] of [
      ['public/old', '2026-01-01T00:00:00.000Z'],
      ['public/gone', ''],
    ] as const) {
      kept.set(name, await written(name, { expires }));
      await objects.delete([artifactKey(MAKE, 0, name)]);
    }

    await expect(prepared({ inputs: { '/in': input('public/old') } }, 'true')).rejects.toMatchObject({
      type: 'InputUnavailable',
      message: `Artifact "public/old" of run 0 of ${MAKE} has expired at 2026-01-01T00:00:00.000Z; run that task again`,
    });
    await expect(prepared({ inputs: { '/in': input('public/gone') } }, 'true')).rejects.toMatchObject({
      type: 'InputUnavailable',
      message: expect.stringContaining('is not in the store any more'),
    });
  });

  it.each(['/usr/src', '/var/run/lock', '/new/deep'])(
    'has in its checkout at %s every name as it is, and links that lead out of it',
    async (checkout) => {
      const repository = new GitRepository(`${scratch.path}/odd${checkout.replaceAll('/', '-')}`);
      const long = `${'d'.repeat(90)}/${'n'.repeat(90)}\udce9`;
      const revision = repository.commit({
        'caf\udce9': 'one',
        'caf\udcea': 'two',
        café: 'three',
        [long]: 'four',
        bytes: { link: 'caf\udcea' },
        far: { link: `${'../'.repeat(40)}etc/hostname` },
        out: { link: '../../y' },
      });

      const seen = await prepared(
        { checkout },
        `cd ${checkout}; LC_ALL=C ls -1b . d*; readlink out; cat caf* bytes d*/*; test far -ef /etc/hostname && echo same`,
        { repository: `file://${repository.directory}`, revision },
      );

      expect(seen.split('\n')).toEqual([
        '.:',
        ...['bytes', 'caf\\303\\251', 'caf\\351', 'caf\\352', 'd'.repeat(90), 'far', 'out'],
        '',
        `${'d'.repeat(90)}:`,
        `${'n'.repeat(90)}\\351`,
        '../../y',
        'threeonetwotwofoursame',
        '',
      ]);
    },
  );

  it('is nothing where it is optional and was not there when it was looked for, and the log says so', async () => {
    said.length = 0;
    const routed = { namespace: 'made.latest', artifact: 'public/none' };

    expect(
      await prepared({ inputs: { '/in/none': { ...routed, optional: true } } }, 'test -e /in || echo none'),
    ).toBe('none\n');
    expect(said).toEqual([
      'Nothing is put into /in/none: no task with the route "made.latest" has left "public/none"',
    ]);
    await expect(prepared({ inputs: { '/in/none': routed } }, 'true')).rejects.toMatchObject({
      type: 'InputUnavailable',
    });
  });

  it('comes from a repository, which may be away for now, or lack the revision for good', async () => {
    const repository = new GitRepository(`${scratch.path}/repository`);
    const revision = repository.commit({ 'src.txt': 'committed' });
    const from = (where: string, at = revision, command = 'cat /src/src.txt') =>
      prepared({ checkout: '/src' }, command, { repository: `file://${where}`, revision: at });

    expect(await from(repository.directory)).toBe('committed');
    // Later than what a run before it has left in a cache, however long ago it was committed.
    expect(await from(repository.directory, revision, 'stat -c %.3Y /src/src.txt')).toBe(
      `${(Date.parse(createdLast) / 1000).toFixed(3)}\n`,
    );
    await expect(from(`${repository.directory}-away`)).rejects.toMatchObject({
      type: 'RepositoryUnavailable',
      retryable: true,
    });
    await expect(from(repository.directory, 'b'.repeat(40))).rejects.toMatchObject({
      type: 'RevisionNotFound',
      retryable: false,
    });
  });
});
