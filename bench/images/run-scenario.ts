import type Docker from 'dockerode';
import type { Measured } from './measure.ts';
import { measure } from './measure.ts';
import { makeImage } from './make-image.ts';
import type { ImageShape } from './make-image.ts';
import type { Scenario } from './scenario.ts';
import type { Moved, Way } from './way.ts';

export interface Sample extends Measured, Pick<Moved, 'bytesSent' | 'sendingMs' | 'peakRssBytes'> {}

export interface Bench {
  readonly source: Docker;
  readonly target: Docker;
  readonly ways: readonly Way[];
  /** On the disk that everything lies on. */
  readonly directory: string;
  readonly say: (line: string) => void;
}

/**
 * Moves an image by each way in turn, as often as there are runs, each time with layers that nobody has seen. The ways take
 * turns in another order each time, so that what slows the machine down for a while slows all of them.
 */
export async function runScenario(
  bench: Bench,
  {
    shape,
    scenario,
    runs,
  }: { readonly shape: ImageShape; readonly scenario: Scenario; readonly runs: number },
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const { source, target } = bench;
  const ways = bench.ways.filter(({ onlyCold }) => scenario.cold === true || !onlyCold);
  const samples = new Map<string, Sample[]>(ways.map(({ name }) => [name, []]));
  const base = `bench/base:${Date.now()}`;
  const baseSeeds = shape.layers.map((_, i) => `${base} ${i}`);
  const baseNames: string[] = [];
  try {
    if (!scenario.cold) {
      await makeImage(source, { shape, seeds: baseSeeds, tag: base });
      for (const way of ways) baseNames.push(...(await way.move(base)).names);
    }
    for (const way of ways) await way.mark();
    for (let run = 0; run < runs; run += 1) {
      const order = ways.map((_, i) => ways[(i + run) % ways.length] as Way);
      const tag = scenario.from === undefined ? base : `bench/run:${Date.now()}`;
      if (scenario.from !== undefined) await makeVariant(source, { shape, scenario, baseSeeds, tag, base });
      for (const way of order) {
        const { result, measured } = await measure(bench.directory, async () => {
          const moved = await way.move(tag);
          await runOnce(target, moved.image);
          return moved;
        });
        const { bytesSent, sendingMs, peakRssBytes } = result;
        samples.get(way.name)?.push({
          ...measured,
          bytesSent,
          sendingMs,
          ...(peakRssBytes === undefined ? {} : { peakRssBytes }),
        });
        bench.say(
          `${shape.name}, ${scenario.name}, run ${run + 1}: ${way.name} ${(measured.ms / 1000).toFixed(2)} s`,
        );
        if (tag !== base) for (const name of result.names) await remove(target, name);
        await way.reset();
      }
      if (tag !== base) await remove(source, tag);
    }
  } finally {
    for (const name of baseNames) await remove(target, name);
    await remove(source, base);
  }
  return samples;
}

async function makeVariant(
  source: Docker,
  {
    shape,
    scenario,
    baseSeeds,
    tag,
    base,
  }: {
    readonly shape: ImageShape;
    readonly scenario: Scenario;
    readonly baseSeeds: readonly string[];
    readonly tag: string;
    readonly base: string;
  },
): Promise<void> {
  const { from = 0, addedBytes } = scenario;
  if (addedBytes !== undefined) {
    await makeImage(source, { shape: { name: '', layers: [addedBytes] }, seeds: [tag], tag, from: base });
    return;
  }
  const seeds = baseSeeds.map((seed, i) => (i >= from ? `${tag} ${i}` : seed));
  await makeImage(source, { shape, seeds, tag });
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
