import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { ensureModernEngine } from '../../test/helpers/modern-engine.ts';
import type { SecondEngine } from '../../test/helpers/second-engine.ts';
import { startSecondEngine } from '../../test/helpers/second-engine.ts';
import { setUp } from '../../stack/set-up.ts';
import type { RunningStack, StackOptions } from '../../stack/stack-options.ts';
import { startStack } from '../../stack/start-stack.ts';
import { ensureGoProgram } from '../go-program.ts';
import type { BenchOptions, EngineKind } from '../options.ts';
import { openArchiveWay } from './archive-way.ts';
import { keepSamples, samplesBeside } from './kept-samples.ts';
import { openPipeWay } from './pipe-way.ts';
import { diskStorage, s3Storage } from './registry-storage.ts';
import { openRegistryWay } from './registry-way.ts';
import { imagesReport, PIPE, REGISTRY, REGISTRY_S3, SLIPWAY, SLIPWAY_TAR } from './report.ts';
import { runScenarios } from './run-scenario.ts';
import { scenariosOf, SHAPES } from './scenario.ts';
import { openSlipwayWay } from './slipway-way.ts';
import type { Way } from './way.ts';

const REGISTRY_PROGRAM = {
  name: 'registry',
  module: 'github.com/distribution/distribution/v3/cmd/registry',
  version: 'v3.0.0',
};

type Asked = Pick<BenchOptions, 'runs' | 'engines' | 'images' | 'only' | 'report'>;
interface Surroundings {
  readonly stack: StackOptions;
  readonly say: (line: string) => void;
}

/**
 * Moves images between two engines of each kind; gives the section of an engine and a shape anew whenever one of its changes is
 * measured, and keeps the samples beside the report.
 */
export async function* benchImages(asked: Asked, surroundings: Surroundings): AsyncGenerator<string, void> {
  const { stack: options, say } = surroundings;
  const registry = await ensureGoProgram(REGISTRY_PROGRAM, options);
  // The kind of both engines follows from which programs come first.
  const newest = asked.engines.includes('modern') ? await ensureModernEngine(process.env, say) : '';
  await setUp(options);
  const stack = await startStack(options);
  try {
    for (const kind of asked.engines) {
      const PATH = `${kind === 'modern' ? `${newest}${delimiter}` : ''}${process.env['PATH'] ?? ''}`;
      const engine = { kind, registry, env: { ...process.env, PATH } };
      yield* benchEngine(asked, { ...surroundings, store: stack.setUpStore, engine });
    }
  } finally {
    await stack.stop();
  }
}

async function* benchEngine(
  { images, only, runs, report }: Asked,
  {
    stack: { stateDirectory, signal },
    say,
    store,
    engine: { kind, registry, env },
  }: Surroundings & {
    readonly store: RunningStack['setUpStore'];
    readonly engine: {
      readonly kind: EngineKind;
      readonly registry: string;
      readonly env: NodeJS.ProcessEnv;
    };
  },
): AsyncGenerator<string, void> {
  await mkdir(stateDirectory, { recursive: true });
  const directory = await mkdtemp(join(stateDirectory, 'images-'));
  try {
    await using source = await startSecondEngine({ dataRoot: join(directory, 'source'), env });
    await using target = await startSecondEngine({ dataRoot: join(directory, 'target'), env });
    const { Driver } = (await source.docker.info()) as { readonly Driver: string };
    const dockers = { source: source.docker, target: target.docker };
    const ways = await openWays(store, { registry, directory, source, target });
    try {
      for (const size of images) {
        const shape = SHAPES[size];
        if (!shape) continue;
        const scenarios = scenariosOf(shape).filter(({ name }) => only?.includes(name) ?? true);
        const bench = { ...dockers, ways, directory, signal, say };
        for await (const [{ name }, samples] of runScenarios(bench, { shape, scenarios, runs })) {
          const rows = await keepSamples(samplesBeside(report), {
            engine: `${kind}, ${Driver}`,
            images: size,
            scenario: name,
            samples,
          });
          yield imagesReport({ engine: { kind, driver: Driver }, size, rows });
        }
      }
    } finally {
      for (const way of ways) {
        await way.reset();
        await way.close();
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function openWays(
  setUpStore: RunningStack['setUpStore'],
  {
    registry: program,
    directory,
    source,
    target,
  }: {
    readonly registry: string;
    readonly directory: string;
    readonly source: SecondEngine;
    readonly target: SecondEngine;
  },
): Promise<readonly Way[]> {
  const dockers = { source: source.docker, target: target.docker };
  const addresses = { source: `unix://${source.socketPath}`, target: `unix://${target.socketPath}` };
  const began = Date.now();
  const bucket = (name: string) => ({ ...setUpStore, bucket: `bench-${began}-${name}` });
  const disk = await diskStorage(join(directory, 'registry'));
  const s3 = await s3Storage(bucket('registry'));
  return [
    await openSlipwayWay(SLIPWAY, bucket('blobs'), { ...addresses, reach: 'loopback' }),
    await openSlipwayWay(SLIPWAY_TAR, bucket('layers'), { ...addresses, reach: 'none' }),
    await openRegistryWay(REGISTRY, { program, directory, storage: disk }, dockers),
    await openRegistryWay(REGISTRY_S3, { program, directory, storage: s3 }, dockers),
    await openArchiveWay(bucket('tars'), dockers),
    openPipeWay(PIPE, dockers),
  ];
}
