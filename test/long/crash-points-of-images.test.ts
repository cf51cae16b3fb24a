import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { startImageRegistry } from '../helpers/image-registry.ts';
import type { Matches } from '../helpers/killing.ts';
import { BESIDE_BYTES, expectOneRun, halfWayAfter, Killing, startPush } from '../helpers/killing.ts';
import { forgetImage, outcomesOf, statesOf } from '../helpers/live-stack.ts';
import { makeLayeredImageScript } from '../helpers/make-image-script.ts';
import { requireEnv } from '../helpers/require-env.ts';
import type { StoreRequest } from '../helpers/request-proxy.ts';
import { forgetSidecars } from '../helpers/sidecars.ts';
import { tinyProgram } from '../helpers/tiny-program.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

/** Both are more than goes in one request; while the second is sent, the first has long arrived. */
const FIRST_BYTES = 9_000_000;
const SECOND_BYTES = 60_000_000;
/** The moments that matter most are in the suite, the others in a lane of their own. */
const IS_LANE = process.env['SLIPWAY_TEST_ALL_MOMENTS'] !== undefined;

describe('a worker killed while an image moves', () => {
  it.concurrent(
    'with one layer in the store and another half-way, then half-way through a load, then before the loaded image has its name, then before its container: each time the next one does only the rest',
    async () => {
      await using world = await World.open();
      await using killing = await Killing.begin(world);
      const mark = randomUUID();
      const { id } = await startPush(world, {
        'slipway.yml': {
          version: 1,
          images: { made: { context: 'docker' } },
          tasks: { t: { image: { 'in-tree': 'made' }, command: 'cat /mark', checkout: false } },
        },
        'docker/Dockerfile': `FROM debian:bookworm\nRUN echo ${mark} > /mark && head -c ${FIRST_BYTES} /dev/urandom > /first\nRUN head -c ${SECOND_BYTES} /dev/urandom > /second\n`,
      });

      const published = await killing.at('store', 'at', halfWayAfter(/\/sent\//));
      const isLayer: Matches = ({ method, key }) => method === 'GET' && killing.layersStored().includes(key);
      let reads = 0;
      const pulled = await killing.at('store', 'at', (request) => isLayer(request) && (reads += 1) === 2);
      const isNamed: Matches = ({ method, key, query }) =>
        method === 'POST' && /^images\/.*\/tag$/.test(key) && query.get('repo') === 'slipway.invalid/image';
      const named = await killing.at('engine', 'before', isNamed);
      const isCreated: Matches = ({ method, key }) => method === 'POST' && key === 'containers/create';
      const created = await killing.at('engine', 'before', isCreated);
      await killing.goOn();
      await expectOneRun(world, id, 't', mark);

      const document = await world.verdict(id);
      expect(outcomesOf(document)).toEqual({ made: 'built' });
      const [image] = document.images;
      const before = killing.layersStored(0, published.store);
      const after = killing.layersStored(published.store);
      expect([before.length, after.length]).toEqual([1, 1]);
      expect(before).not.toEqual(after);
      expect(killing.sentBytes(published.store)).toBeLessThan(SECOND_BYTES + BESIDE_BYTES);
      const buildLog = await world.log(image?.taskId ?? '');
      const sent = Number(/Published sha256:\w+: (\d+) bytes sent/.exec(buildLog)?.[1]);
      expect(sent).toBeGreaterThan(SECOND_BYTES);
      expect(sent).toBeLessThan(SECOND_BYTES + BESIDE_BYTES);
      // Engines keep nothing of a pull that did not end. One that did is not repeated.
      const layers = [...before, ...after].sort();
      expect([...new Set(killing.reads(layers, pulled.store))].sort()).toEqual(layers);
      expect(killing.reads(layers, named.store)).toEqual([]);
      const isTask = (request: StoreRequest): boolean =>
        isCreated(request) && (request.query.get('name') ?? '').endsWith('-t');
      expect(killing.engine.seen.slice(0, created.engine).filter(isTask)).toEqual([]);
      expect(killing.engine.seen.filter(isTask)).toHaveLength(1);
      await killing.expectNothingLeft(`slipway.invalid/image:${image?.imageHash ?? ''}`);
    },
  );

  it.concurrent(
    'half-way through the tarball of a task, with one of its layers in the store: the next one stores only the other',
    async () => {
      await using world = await World.open();
      await using killing = await Killing.begin(world);
      const path = 'public/image.tar';
      const mark = randomUUID();
      await killing.goOn();
      const made = await startPush(world, {
        'slipway.yml': {
          version: 1,
          tasks: {
            make: {
              image: 'debian:bookworm',
              command: makeLayeredImageScript(FIRST_BYTES, SECOND_BYTES),
              env: { SAYS: mark },
              checkout: false,
              artifacts: { [path]: { type: 'file', path: '/image.tar' } },
            },
          },
        },
      });
      expect(statesOf(await world.verdict(made.id))).toEqual({ make: 'completed/completed' });
      const taskId = `${made.id.replace('push/', 'task/')}/make`;
      const image = { type: 'task-image', taskId, path };
      const struck = killing.at('store', 'at', halfWayAfter(/\/of-tarballs\//));
      const { id } = await startPush(world, {
        'slipway.yml': { version: 1, tasks: { use: { image, command: 'cat /made', checkout: false } } },
      });

      const stored = await struck;
      await killing.goOn();
      await expectOneRun(world, id, 'use', mark);

      const before = killing.layersStored(0, stored.store).filter((key) => key.startsWith('blobs/'));
      const after = killing.layersStored(stored.store).filter((key) => key.startsWith('blobs/'));
      expect([before.length, after.length]).toEqual([1, 1]);
      expect(before).not.toEqual(after);
      expect(killing.sentBytes(stored.store)).toBeLessThan(SECOND_BYTES + BESIDE_BYTES);
      const log = await world.log(`${id.replace('push/', 'task/')}/use`);
      const imported = Number(/Imported .*: (\d+) bytes stored/.exec(log)?.[1]);
      expect(imported).toBeGreaterThan(SECOND_BYTES);
      expect(imported).toBeLessThan(SECOND_BYTES + BESIDE_BYTES);
      const [record = ''] = await world.objects('level-1/index/e2e/tarballs/');
      const { manifestDigest } = JSON.parse(await world.object(record)) as { manifestDigest: string };
      await killing.expectNothingLeft(
        `slipway.invalid/image:tarball-${manifestDigest.slice('sha256:'.length)}`,
      );
    },
  );

  if (!IS_LANE) return;

  it.concurrent(
    'half-way through a base that is brought in, with one of its layers in the store: the next one sends only the other',
    async () => {
      await using world = await World.open();
      // The one of the sidecars reaches no registry on this machine.
      const builderEngine = requireEnv('SLIPWAY_TEST_ENGINE', 'a Docker Engine');
      await using killing = await Killing.begin(world, { builderEngine });
      await using registry = await startImageRegistry({});
      const reference = `${registry.host}/tools:large`;
      const hello = tinyProgram('hello\n');
      const bulk = (bytes: number): Record<string, Buffer> => ({ [`bulk-${bytes}`]: randomBytes(bytes) });
      await registry.put('tools', 'large', { hello, ...bulk(FIRST_BYTES) }, bulk(SECOND_BYTES));
      const { id } = await startPush(world, {
        'slipway.yml': {
          version: 1,
          images: { made: { context: 'docker' } },
          tasks: { t: { image: { 'in-tree': 'made' }, command: ['/hello'], checkout: false } },
        },
        'docker/Dockerfile': `FROM ${reference}\nLABEL mark=${randomUUID()}\n`,
      });

      const sent = await killing.at('store', 'at', halfWayAfter(/\/sent\//));
      await killing.goOn();
      await expectOneRun(world, id, 't', 'hello');

      const [before, after] = [killing.layersStored(0, sent.store), killing.layersStored(sent.store)];
      expect([before.length, after.length]).toEqual([1, 1]);
      expect(before).not.toEqual(after);
      expect(killing.sentBytes(sent.store)).toBeLessThan(SECOND_BYTES + BESIDE_BYTES);
      expect(await world.objects('level-1/index/e2e/bases/')).toHaveLength(1);
      const [image] = (await world.verdict(id)).images;
      await killing.expectNothingLeft(`slipway.invalid/image:${image?.imageHash ?? ''}`);
      await forgetImage(reference);
    },
  );

  it.concurrent(
    'half-way through the layers that a new builder takes from the store: the next one takes them, and stores none again',
    async () => {
      await using world = await World.open();
      await using killing = await Killing.begin(world);
      await killing.goOn();
      const mark = randomUUID();
      const repository = await world.createRepository();
      const push = async (greeting: string): Promise<string> => {
        const revision = await repository.commit({
          'docker/greeting': `${greeting}\n`,
          'docker/Dockerfile': `FROM debian:bookworm\nRUN echo ${mark} && head -c ${FIRST_BYTES} /dev/urandom > /heavy\nCOPY greeting /greeting\n`,
          'slipway.yml': {
            version: 1,
            images: { tools: { context: 'docker' } },
            tasks: { t: { image: { 'in-tree': 'tools' }, command: 'cat /greeting', checkout: false } },
          },
        });
        return world.start(repository, revision);
      };
      await expectOneRun(world, await push('hello'), 't', 'hello');
      const heavy = killing.layersStored();
      await forgetSidecars(world);

      const from = killing.store.seen.length;
      const struck = killing.at('store', 'at', ({ method, key }) => method === 'GET' && heavy.includes(key));
      const id = await push('good day');
      const fetched = await struck;
      await killing.goOn();
      await expectOneRun(world, id, 't', 'good day');

      expect(heavy).toHaveLength(1);
      expect(killing.reads(heavy, fetched.store)).not.toEqual([]);
      expect(killing.layersStored(from)).toEqual([]);
      expect(killing.sentBytes(from)).toBeLessThan(BESIDE_BYTES);
      const [image] = (await world.verdict(id)).images;
      expect(await world.log(image?.taskId ?? '')).toMatch(/1 of 2 steps from the cache/);
      await killing.expectNothingLeft(`slipway.invalid/image:${image?.imageHash ?? ''}`);
    },
  );
});
