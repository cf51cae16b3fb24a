import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { dockerAt } from '../../docker/client.ts';
import type { Moment, RequestProxy } from '../helpers/request-proxy.ts';
import { startRequestProxy } from '../helpers/request-proxy.ts';
import { requireEnv } from '../helpers/require-env.ts';
import { World } from '../helpers/world.ts';
import type { CrashPoint } from './crash-table.ts';
import { CRASH_POINTS } from './crash-table.ts';

jest.setTimeout(900_000);

const LINES = 8;

/** Worlds that no test uses now; each serves one crash after the other. */
const idle: World[] = [];
const opened: World[] = [];

async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  let world = idle.pop();
  if (!world) opened.push((world = await World.open()));
  // One in which a test failed is not used again.
  await work(world);
  idle.push(world);
}

afterAll(async () => {
  // What one of them has left must not keep the others.
  const ends = await Promise.allSettled(opened.map((world) => world[Symbol.asyncDispose]()));
  const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  if (failed.length > 0) throw new AggregateError(failed, failed.map(String).join('\n'));
});

const SLIPWAY = {
  version: 1,
  images: { made: { context: 'docker' } },
  tasks: {
    t: {
      image: { 'in-tree': 'made' },
      command: `i=0; while [ $i -lt ${LINES} ]; do echo "line $i"; i=$((i+1)); sleep 0.5; done; cp /mark /out.txt`,
      checkout: false,
      artifacts: { 'public/out.txt': { type: 'file', path: '/out.txt' } },
    },
  },
};

async function crash(point: CrashPoint, moment: Moment): Promise<void> {
  await inWorld(async (world) => {
    await using proxy = await startRequestProxy(world.connections.store.endpoint ?? '');
    const store = { ...world.connections.store, endpoint: proxy.endpoint };
    const startWorker = () => world.startWorker(1, ['all'], { connections: { store } });
    const worker = await startWorker();
    const mark = randomUUID();
    // Larger than what is sent in one request.
    const dockerfile = `FROM debian:bookworm\nRUN echo ${mark} > /mark && head -c 9000000 /dev/urandom > /large\n`;
    const repository = await world.createRepository();
    const revision = await repository.commit({ 'slipway.yml': SLIPWAY, 'docker/Dockerfile': dockerfile });
    await using created = await watchCreated(world);
    let struckAt: number | undefined;
    proxy.strike(moment, point.matcher(), () => {
      struckAt = proxy.seen.length;
      worker.kill('SIGKILL');
    });

    const id = await world.start(repository, revision);
    await until(() => worker.hasEnded());
    const next = await startWorker();
    const document = await world.verdict(id);
    await until(async () => (await world.openWorkflows()).length === 0);

    expect(struckAt).toBeDefined();
    expect(statesOf(document)).toEqual({ t: 'completed/completed' });
    expect(outcomesOf(document)).toEqual({ made: 'built' });
    expect(document.tasks[0]?.runs).toHaveLength(1);
    const taskId = document.tasks[0]?.taskId ?? '';
    const log = await world.log(taskId);
    expect(log.split('\n').filter((line) => line.startsWith('line '))).toEqual(
      Array.from({ length: LINES }, (_, i) => `line ${i}`),
    );
    expect((await world.artifact(taskId, 'public/out.txt')).toString()).toBe(`${mark}\n`);
    expect(created.names).toHaveLength(1);
    expect(await world.containers()).toEqual([]);
    expect(writtenTwice(proxy, struckAt ?? 0).filter((key) => !point.mayRewrite.test(key))).toEqual([]);
    await next.stop();
  });
}

interface Created extends AsyncDisposable {
  /** Of the task containers that were made so far, also of those that are gone. */
  readonly names: readonly string[];
}

/** Hears of them as they are made: an engine keeps its last 256 events only, and others use it. */
async function watchCreated(world: World): Promise<Created> {
  const label = [`slipway.fleet=${world.fleet}`, 'slipway.kind=task'];
  const filters = JSON.stringify({ type: ['container'], event: ['create'], label });
  const events = (await dockerAt(requireEnv('SLIPWAY_TEST_ENGINE', 'a Docker Engine')).getEvents({
    filters,
  })) as Readable;
  const names: string[] = [];
  createInterface({ input: events }).on('line', (line) => {
    const { Actor } = JSON.parse(line) as { Actor: { Attributes: { name: string } } };
    names.push(Actor.Attributes.name);
  });
  const close = (): Promise<void> => Promise.resolve(void events.destroy());
  return { names, [Symbol.asyncDispose]: close };
}

/** What tells of every step anew, and what each worker writes at its start. */
const MANY_TIMES = /\/status\.json$|\/probe$/;

/** Keys that were written before the crash and again after it, but for those that are written many times anyway. */
function writtenTwice({ seen }: RequestProxy, struckAt: number): readonly string[] {
  const written = (from: number, to?: number): string[] =>
    seen
      .slice(from, to)
      .filter(({ writes, status, key }) => writes && status < 300 && !MANY_TIMES.test(key))
      .map(({ key }) => key);
  const before = new Set(written(0, struckAt));
  return [...new Set(written(struckAt))].filter((key) => before.has(key));
}

/** At it is the worst of the three: the store has it and nobody knows. The others are a lane of their own. */
const MOMENTS: readonly Moment[] = process.env['SLIPWAY_TEST_ALL_MOMENTS']
  ? ['before', 'at', 'after']
  : ['at'];

const POINTS = CRASH_POINTS.filter(({ inLane }) => !inLane || MOMENTS.length > 1);

const CASES = POINTS.flatMap((point) => MOMENTS.map((moment) => ({ ...point, point, moment })));

describe('a worker killed around a write that others see', () => {
  it.concurrent.each(CASES)(
    '$moment $write ($activity): the next one does only the rest',
    ({ point, moment }) => crash(point, moment),
  );
});
