import { randomBytes } from 'node:crypto';
import { expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import { outcomesOf, statesOf } from '../helpers/live-stack.ts';
import type { TestRepository } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const NOISE_BYTES = 3_000_000;
const NOISE = randomBytes((NOISE_BYTES * 3) / 4).toString('base64');
const ROUTE = 'shared.latest';
const PATH = 'public/image.tar';
const plain = { image: 'debian:bookworm', checkout: false };
const inTools = { image: { 'in-tree': 'tools' }, checkout: false };
const takes = {
  ...plain,
  inputs: { '/in/file': { namespace: ROUTE, artifact: 'public/file' } },
  command: 'cat /in/file',
};

/** The same tree for both, so that nothing but their domains keeps one from using what the other has. */
const tree = (version: number, tasks: object): Readonly<Record<string, unknown>> => ({
  'docker/Dockerfile': [
    'FROM debian:bookworm',
    'COPY noise /noise',
    'COPY version /version',
    'RUN --mount=type=cache,target=/kept echo "found <$(ls -A /kept)>" && touch /kept/mark',
    '',
  ].join('\n'),
  'docker/noise': NOISE,
  'docker/version': `${version}\n`,
  'slipway.yml': { version: 1, images: { tools: { context: 'docker' } }, tasks },
});

/** Runs in what it has built, with a cache, and leaves a file and a tarball under a route. */
const tasksOf = (name: string, more: object = {}): object => ({
  runs: { ...inTools, command: 'cat /version' },
  caches: { ...plain, cache: { shared: '/cache' }, command: 'ls -A /cache; touch /cache/mark' },
  gives: {
    ...plain,
    routes: [ROUTE],
    command: `echo of ${name} > /file; tar --create --file /image.tar /file`,
    artifacts: {
      'public/file': { type: 'file', path: '/file' },
      [PATH]: { type: 'file', path: '/image.tar' },
    },
  },
  ...more,
});

it('two trust domains on one stack: neither uses images, layers, caches, routes, artifacts or secrets of the other, and what crosses is refused or made anew, saying so', async () => {
  await using world = await World.open();
  const env = { SLIPWAY_SECRET_KEY: randomBytes(18).toString('base64url') };
  await world.startWorker(1, ['all'], { env });
  const left = await world.createRepository({ '*': 1 }, { trustDomain: 'left', secrets: { 1: ['KEY'] } });
  const right = await world.createRepository({ '*': 1 }, { trustDomain: 'right' });
  const push = async (repository: TestRepository, files: Readonly<Record<string, unknown>>) =>
    world.push(repository, await repository.commit(files));
  const idOf = ({ tasks }: PushDocument, label: string): string =>
    tasks.find((task) => task.label === label)?.taskId ?? '';
  const printed = async (document: PushDocument, label: string): Promise<readonly string[]> =>
    (await world.log(idOf(document, label)))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('[slipway'));
  const buildLog = ({ images }: PushDocument): Promise<string> => world.log(images[0]?.taskId ?? '');
  const foundIn = (log: string): string | undefined => /^#\d+ [\d.]+ found (.*)$/m.exec(log)?.[1];
  /** All that a domain has in the index and of layers. */
  const heldBy = async (domain: string): Promise<Readonly<Record<string, string>>> => {
    const keys = await Promise.all(
      ['index', 'layers'].map((what) => world.objects(`level-1/${what}/${domain}/`)),
    );
    return Object.fromEntries(
      await Promise.all(keys.flat().map(async (key) => [key, await world.object(key)] as const)),
    );
  };

  // Within one domain all of it is shared.
  const secret = { ...plain, secrets: ['KEY'], command: 'test -s /run/secrets/KEY' };
  const first = await push(left, tree(1, tasksOf('left', { secret })));
  const second = await push(left, tree(2, tasksOf('left', { takes })));
  expect([first.state, second.state]).toEqual(['completed', 'completed']);
  expect(foundIn(await buildLog(first))).toBe('<>');
  expect(foundIn(await buildLog(second))).toBe('<mark>');
  expect(await buildLog(second)).toContain('1 of 3 steps from the cache');
  expect(second.images[0]?.bytesUploaded).toBeLessThan(NOISE_BYTES / 10);
  expect(await printed(second, 'caches')).toEqual(['mark']);
  expect(await printed(second, 'takes')).toEqual(['of left']);
  const [image] = second.images;
  const held = await heldBy('left');

  // What another domain names of it is refused before anything runs, each with its place.
  const ofTask = { type: 'task-image', taskId: idOf(second, 'gives'), path: PATH };
  const ofBuild = { type: 'task-image', taskId: image?.taskId, path: PATH };
  const ofRoute = { type: 'indexed-image', namespace: ROUTE, path: PATH };
  const refused = await push(
    right,
    tree(2, {
      a: { ...plain, image: ofTask, command: 'true' },
      b: { ...plain, image: ofBuild, command: 'true' },
      c: { ...plain, image: ofRoute, command: 'true' },
      d: takes,
      e: secret,
    }),
  );
  expect(refused).toMatchObject({ state: 'exception', reason: 'malformed-plan', images: [], tasks: [] });
  const noRoute = `no task that this push may read has completed with the route "${ROUTE}"`;
  expect(refused.findings.map(({ message }) => message).sort()).toEqual(
    [
      `no task that this push may read is known as ${idOf(second, 'gives')}`,
      `no image that this push may read is known as ${image?.taskId ?? ''}`,
      noRoute,
      noRoute,
      `task "e": secret "KEY" is not granted to project "${right.project}" at level 1`,
    ].sort(),
  );
  expect(refused.findings.every(({ line }) => (line ?? 0) > 0)).toBe(true);
  // Nor does it get at what the engine has, by names and ids that it cannot know but might guess.
  const own = `slipway.invalid/image:${image?.imageHash ?? ''}`;
  const [{ configDigest = '' } = {}] = (await world.live.api.task(idOf(second, 'runs'))).runs;
  const id = configDigest.replace('sha256:', '');
  const guessed = await push(right, {
    ...tree(2, {
      f: { ...plain, image: own, command: 'true' },
      g: { ...plain, image: id, command: 'true' },
      h: { ...inTools, command: 'true' },
    }),
    'docker/Dockerfile': `FROM ${own}\n`,
  });
  expect(guessed).toMatchObject({ state: 'exception', reason: 'malformed-plan', images: [], tasks: [] });
  // Long names are shown by their beginnings.
  const words = guessed.findings.map(({ message }) => message.replace(/^"[\w.:/-]{40,}…?" /, ''));
  const onlyOurs = 'is a name that only Slipway gives, and nobody can ask for';
  const noName = 'is an id that one engine has given, and no name of an image';
  expect(words.sort()).toEqual([onlyOurs, onlyOurs, noName].sort());

  // The very same image is built anew, with nothing taken and every byte sent, and has an id of its own.
  const other = await push(right, tree(2, tasksOf('right')));
  expect(statesOf(other)).toEqual({
    caches: 'completed/completed',
    gives: 'completed/completed',
    runs: 'completed/completed',
  });
  expect(outcomesOf(other)).toEqual({ tools: 'built' });
  const [built] = other.images;
  expect(built?.imageHash).toBe(image?.imageHash);
  expect([image?.taskId, built?.taskId].map((taskId) => taskId?.split('/')[1])).toEqual(['left', 'right']);
  const log = await buildLog(other);
  expect(foundIn(log)).toBe('<>');
  expect(log).toContain('0 of 3 steps from the cache');
  expect(built?.bytesUploaded).toBeGreaterThan(NOISE_BYTES / 2);
  expect(await printed(other, 'caches')).toEqual([]);
  expect(await world.log(idOf(other, 'caches'))).toContain('Cache shared at /cache: new and empty');

  // And none of that changed anything for the first: what it has is as it was, also where the other has the same name.
  expect(await heldBy('left')).toEqual(held);
  const again = await push(left, tree(2, tasksOf('left', { takes, again: { ...inTools, command: 'true' } })));
  expect(outcomesOf(again)).toEqual({ tools: 'reused' });
  expect(again.images[0]?.taskId).toBe(image?.taskId);
  expect(await printed(again, 'takes')).toEqual(['of left']);
  expect(await printed(again, 'caches')).toEqual(['mark']);
});
