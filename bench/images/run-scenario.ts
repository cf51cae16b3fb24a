import type Docker from 'dockerode';
import type { Measured } from './measure.ts';
import { measure } from './measure.ts';
import { makeImage } from './make-image.ts';
import type { ImageShape } from './make-image.ts';
import type { Scenario } from './scenario.ts';
import type { Moved, Way } from './way.ts';

export interface Sample
  extends Measured, Pick<Moved, 'bytesSent' | 'bytesRead' | 'sendingMs' | 'peakRssBytes'> {}

export interface Bench {
  readonly source: Docker;
  readonly target: Docker;
  readonly ways: readonly Way[];
  /** On the disk that everything lies on. */
  readonly directory: string;
  /** Ends it before the next move. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/**
 * Moves images of one shape by each way in turn, for each scenario as often as there are runs, each time with layers that nobody
 * has seen. The ways take turns in another order each time, so that what slows the machine down for a while slows all of them.
 * What the target has already is moved there once, after what is cold. Gives each scenario as soon as it is measured.
 */
export async function* runScenarios(
  bench: Bench,
  {
    shape,
    scenarios,
    runs,
  }: { readonly shape: ImageShape; readonly scenarios: readonly Scenario[]; readonly runs: number },
): AsyncGenerator<readonly [Scenario, Samples], void> {
  const { source, target, ways } = bench;
  const base: Base = { tag: `bench/base:${Date.now()}`, shape };
  for (const way of ways) await way.mark();
  for (const scenario of scenarios.filter(({ cold }) => cold)) {
    yield [scenario, await runScenario(bench, { base, scenario, runs })];
  }
  const onBase = scenarios.filter(({ cold }) => !cold);
  if (onBase.length === 0) return;
  const names: string[] = [];
  try {
    await makeImage(source, { shape, seeds: seedsOf(base), tag: base.tag });
    for (const way of ways.filter(({ onlyCold }) => !onlyCold)) {
      bench.signal.throwIfAborted();
      names.push(...(await way.move(base.tag)).names);
      await way.mark();
    }
    for (const scenario of onBase) yield [scenario, await runScenario(bench, { base, scenario, runs })];
  } finally {
    for (const name of names) await remove(target, name);
    await remove(source, base.tag);
  }
}

export type Samples = ReadonlyMap<string, readonly Sample[]>;

/** The image that others differ from. */
interface Base {
  readonly tag: string;
  readonly shape: ImageShape;
}

function seedsOf({ tag, shape }: Base): readonly string[] {
  return shape.layers.map((_, i) => `${tag} ${i}`);
}

async function runScenario(
  bench: Bench,
  { base, scenario, runs }: { readonly base: Base; readonly scenario: Scenario; readonly runs: number },
): Promise<Samples> {
  const { source, target } = bench;
  const ways = bench.ways.filter(({ onlyCold }) => scenario.cold === true || !onlyCold);
  const samples = new Map<string, Sample[]>(ways.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    const order = ways.map((_, i) => ways[(i + run) % ways.length] as Way);
    const isNew = scenario.from !== undefined;
    const tag = isNew ? `bench/run:${Date.now()}` : base.tag;
    if (isNew) await makeVariant(source, { base, scenario, tag });
    for (const way of order) {
      bench.signal.throwIfAborted();
      const { result, measured } = await measure(bench.directory, async () => {
        const moved = await way.move(tag);
        await runOnce(target, moved.image);
        return moved;
      });
      const { bytesSent, bytesRead, sendingMs, peakRssBytes } = result;
      samples.get(way.name)?.push({
        ...measured,
        bytesSent,
        sendingMs,
        ...(bytesRead === undefined ? {} : { bytesRead }),
        ...(peakRssBytes === undefined ? {} : { peakRssBytes }),
      });
      const seconds = (measured.ms / 1000).toFixed(2);
      bench.say(`${base.shape.name}, ${scenario.name}, run ${run + 1}: ${way.name} ${seconds} s`);
      if (isNew) for (const name of result.names) await remove(target, name);
      await way.reset();
    }
    if (isNew) await remove(source, tag);
  }
  return samples;
}

async function makeVariant(
  source: Docker,
  { base, scenario, tag }: { readonly base: Base; readonly scenario: Scenario; readonly tag: string },
): Promise<void> {
  const { from = 0, addedBytes } = scenario;
  if (addedBytes !== undefined) {
    const shape = { name: '', layers: [addedBytes] };
    await makeImage(source, { shape, seeds: [tag], tag, from: base.tag });
    return;
  }
  const seeds = seedsOf(base).map((seed, i) => (i >= from ? `${tag} ${i}` : seed));
  await makeImage(source, { shape: base.shape, seeds, tag });
}

/** Until its command has ended well. */
async function runOnce(target: Docker, image: string): Promise<void> {
  const container = await target.createContainer({ Image: image, HostConfig: { NetworkMode: 'none' } });
  try {
    await container.start();
    const { StatusCode } = (await container.wait()) as { readonly StatusCode: number };
    if (StatusCode !== 0) throw new Error(`The container of ${image} ended with ${StatusCode}`);
  } finally {
    await container.remove({ force: true });
  }
}

async function remove(docker: Docker, name: string): Promise<void> {
  await docker
    .getImage(name)
    .remove({ force: true })
    .catch((error: { readonly statusCode?: number }) => {
      if (error.statusCode !== 404) throw error;
    });
}
