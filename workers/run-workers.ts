import { availableParallelism } from 'node:os';
import { Client } from '@temporalio/client';
import type { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { CredentialsFile } from '../docker/registry/credentials-file.ts';
import { readDockerConfig } from '../docker/registry/read-docker-config.ts';
import type { Level } from '../model/pure/ids.ts';
import type { Connections } from '../model/schema/connections.ts';
import type { SecretSource } from '../model/secret-source.ts';
import { createBuilderWorker } from './builder.ts';
import type { TemporalConnections } from './connect-temporal.ts';
import { connectTemporal } from './connect-temporal.ts';
import { createControlWorker } from './control.ts';
import type { ServesDind } from './dind-claims.ts';
import { expectOwnLevel } from './expect-own-level.ts';
import type { Parts } from './parts.ts';
import { openParts } from './parts.ts';
import { runToEnd } from './run-to-end.ts';
import type { RunnerWorkers } from './runner.ts';
import { startGcSchedule } from './gc-schedule.ts';
import { startSettleSchedule } from './settle-schedule.ts';
import { createRunnerWorkers } from './runner.ts';
import { slipwayVersion } from './slipway-version.ts';
import { installTemporalRuntime } from './temporal-runtime.ts';

export type WorkerKind = 'control' | 'builder' | 'runner';

export interface RunWorkersOptions {
  readonly connections: Connections;
  /** One level per process. */
  readonly level: Level;
  readonly kinds: readonly WorkerKind[];
  /** Runs at once on the runner's engine; default: twice the processors. */
  readonly capacity?: number;
  /** Whether its runner takes tasks that have a private engine; default: never. */
  readonly dind?: ServesDind;
  /** How long what goes on may take to finish when the signal comes. */
  readonly graceMs: number;
  readonly logger: Logger;
  /** Values of secrets for tasks. */
  readonly secrets: SecretSource;
  /** A file of git configuration, with credentials for the repositories. */
  readonly gitConfig?: string | undefined;
  /** Credentials for the registries that images are pulled from. */
  readonly credentials?: CredentialsFile | undefined;
  /** Where Prometheus finds numbers about the workers; default: nowhere. */
  readonly metricsAddress?: string | undefined;
  /** Aborted to drain and end. */
  readonly signal: AbortSignal;
  /** Told when every worker polls. */
  readonly onReady?: () => void;
}

/**
 * Runs the workers of one level in this process until the signal, as soon as Temporal answers; then drains them and closes everything.
 * Builds and claims are not polled for any more at once; control ends last, since runs that end need its workflows.
 * @throws {ConfigInvalid} at once when the file of credentials is wrong, or keys, certificates or names are not taken.
 */
export async function runWorkers(options: RunWorkersOptions): Promise<void> {
  const { connections, level, logger, signal } = options;
  installTemporalRuntime(logger, options);
  if (options.credentials) await readDockerConfig(options.credentials);
  const parts = openParts(connections, level, { ...options, version: await slipwayVersion() });
  try {
    await expectOwnLevel(parts);
    const temporal = await connectTemporal(connections.temporal, { logger, signal });
    if (temporal) await serve(parts, temporal, options);
    logger.info('Workers have ended');
  } finally {
    parts.close();
  }
}

async function serve(
  parts: Parts,
  temporal: TemporalConnections,
  { kinds, logger, signal, graceMs, ...options }: RunWorkersOptions,
): Promise<void> {
  const { worker: connection, client: clientConnection } = temporal;
  const closers: (() => Promise<void>)[] = [];
  try {
    const running: Promise<void>[] = [];
    let control: Worker | undefined;
    let builder: Worker | undefined;
    let runner: RunnerWorkers | undefined;
    if (kinds.includes('control')) {
      const { namespace } = parts.connections.temporal;
      const client = new Client({ connection: clientConnection, namespace });
      control = await createControlWorker(parts, connection, client);
      closers.push(startSettleSchedule(parts, client));
      closers.push(startGcSchedule(parts, client));
    }
    if (kinds.includes('builder')) {
      const { worker, close } = await createBuilderWorker(parts, connection, { graceMs });
      builder = worker;
      closers.push(close);
    }
    if (kinds.includes('runner')) {
      runner = await createRunnerWorkers(parts, connection, {
        capacity: options.capacity ?? 2 * availableParallelism(),
        dind: options.dind ?? 'never',
      });
      closers.push(runner.close);
    }
    const drain = async (): Promise<void> => {
      logger.info({ graceMs }, 'No new work is taken; what goes on may finish');
      shutDown(builder);
      await runner?.drain(graceMs);
      shutDown(control);
    };
    let draining = Promise.resolve();
    const onEnd = (): void => {
      draining = drain();
      draining.catch(() => undefined);
    };
    for (const worker of [control, builder]) if (worker) running.push(runToEnd(worker, logger));
    if (runner) running.push(runner.run());
    signal.addEventListener('abort', onEnd, { once: true });
    logger.info({ kinds, version: parts.version }, 'Workers are running');
    options.onReady?.();
    if (signal.aborted) onEnd();
    await Promise.all(running);
    await draining;
  } catch (error) {
    // Said at once: those that go on may keep what follows from ending well.
    logger.error({ error }, 'A worker cannot go on, so this process ends');
    throw error;
  } finally {
    closers.push(
      () => clientConnection.close(),
      () => connection.close(),
    );
    for (const close of closers)
      await close().catch((error: unknown) => logger.warn({ error }, 'Not everything could be closed'));
  }
}

function shutDown(worker: Worker | undefined): void {
  if (worker?.getState() === 'RUNNING') worker.shutdown();
}
