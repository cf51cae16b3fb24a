import type { NativeConnection } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { createBuilderActivities } from '../activities/builder.ts';
import type { Engine } from '../docker/engine.ts';
import { connectEngine } from '../docker/connect.ts';
import { ensureSidecar } from '../docker/sidecar/sidecar.ts';
import { ConfigInvalid } from '../model/errors.ts';
import { queueName } from '../model/pure/ids.ts';
import type { Parts } from './parts.ts';
import { HEARTBEAT_THROTTLE } from './throttle.ts';

/** Builds side by side on one machine; each is parallel in itself. */
const CONCURRENT_BUILDS = 2;

/** The worker of `builder-<level>`. */
export async function createBuilderWorker(
  parts: Parts,
  connection: NativeConnection,
): Promise<{ worker: Worker; close(): Promise<void> }> {
  const engines = new BuilderEngines(parts);
  const { store, plans, source } = parts;
  const worker = await Worker.create({
    connection,
    namespace: parts.connections.temporal.namespace,
    identity: parts.worker,
    taskQueue: queueName('builder', parts.level),
    activities: createBuilderActivities({
      store,
      plans,
      source,
      worker: parts.worker,
      builderEngine: (domain, signal) => engines.get(domain, signal),
    }),
    maxConcurrentActivityTaskExecutions: CONCURRENT_BUILDS,
    ...HEARTBEAT_THROTTLE,
  });
  return { worker, close: () => engines.close() };
}

/** One engine per trust domain, made on demand: a sidecar of its own, or the given engine. */
class BuilderEngines {
  readonly #parts: Parts;
  readonly #engines = new Map<string, Promise<Engine>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async get(domain: string, signal: AbortSignal): Promise<Engine> {
    const known = this.#engines.get(domain);
    if (known) {
      const engine = await known;
      // A sidecar that died is made again; its data is in its volume.
      if (
        await engine.info().then(
          () => true,
          () => false,
        )
      )
        return engine;
      this.#engines.delete(domain);
      await engine.close();
    }
    const connecting = this.#connect(domain, signal);
    this.#engines.set(domain, connecting);
    connecting.catch(() => this.#engines.delete(domain));
    return connecting;
  }

  async close(): Promise<void> {
    const engines = await Promise.allSettled(this.#engines.values());
    for (const engine of engines) if (engine.status === 'fulfilled') await engine.value.close();
  }

  async #connect(domain: string, signal: AbortSignal): Promise<Engine> {
    const { connections, level, store } = this.#parts;
    const { fleet, builderEngine, sidecarImage, runnerEngine, runtimeDirectory } = connections;
    const { blobs } = store;
    if (builderEngine !== undefined) {
      return connectEngine({ address: builderEngine, blobs, reach: { kind: 'loopback' }, fleet });
    }
    if (sidecarImage === undefined) {
      throw new ConfigInvalid(
        'No sidecar image and no SLIPWAY_BUILDER_DOCKER_HOST: this worker cannot build',
      );
    }
    const sidecar = await ensureSidecar({
      host: runnerEngine,
      fleet,
      domain,
      level,
      image: sidecarImage,
      runtimeDirectory,
      signal,
    });
    return connectEngine({ address: sidecar.address, blobs, reach: sidecar.reach, fleet });
  }
}
