import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
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
import { connectDevEngine, DEV_ENGINE, testFleet } from '../../helpers/dev-engine.ts';
import { GitRepository, scratchDirectory } from '../../helpers/git-repository.ts';

const TEST_TIMEOUT_MS = 60_000;
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
  ): Promise<string> {
    const signal = AbortSignal.timeout(TEST_TIMEOUT_MS);
    const context = { signal, isCanceled: () => false, onProgress: () => undefined };
    const name = `slipway-${fleet}-${randomBytes(4).toString('hex')}`;
    await engine.containers.ensureCreated(
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
    const container = {
      name,
      plan: { pushId: PUSH, plannedAt: '', ...plan } as Plan,
      planned: { checkout: null, inputs: {}, ...planned } as PlannedTask,
    };
    const findInput = async (_plan: Plan, { artifact }: { readonly artifact: string }) => {
      const record = await store.artifacts.find(MAKE, 0, artifact);
      return record ? [{ taskId: MAKE, run: 0, record }] : [kept.get(artifact)!];
    };
    await prepareContainer({ store, engine, source, findInput }, container, context);
    await engine.containers.start(name);
    return text(await engine.containers.output(name, signal));
  }

  /** What a record says of artifacts that are not there any more. */
  const kept = new Map<string, Awaited<ReturnType<typeof written>>>();

  async function written(name: string, { contentType = 'x/y', expires = '', executable = false } = {}) {
    const body = contentType === EMPTY_DIRECTORY ? [] : ['text'];
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

  it('comes from a repository, which may be away for now, or lack the revision for good', async () => {
    const repository = new GitRepository(`${scratch.path}/repository`);
    const revision = repository.commit({ 'src.txt': 'committed' });
    const from = (where: string, at = revision) =>
      prepared({ checkout: '/src' }, 'cat /src/src.txt', { repository: `file://${where}`, revision: at });

    expect(await from(repository.directory)).toBe('committed');
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
