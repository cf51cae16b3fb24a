import { availableParallelism } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import type { Worker } from '@temporalio/worker';
import { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { Level } from '../model/pure/ids.ts';
import type { Connections } from '../model/schema/connections.ts';
import { createBuilderWorker } from './builder.ts';
import { createControlWorker } from './control.ts';
import { installTemporalLogger } from './logger.ts';
import { expectOwnLevel } from './expect-own-level.ts';
import { openParts } from './parts.ts';
import { createRunnerWorkers } from './runner.ts';

export type WorkerKind = 'control' | 'builder' | 'runner';

export interface RunWorkersOptions {
  readonly connections: Connections;
  /** One level per process. */
  readonly level: Level;
  readonly kinds: readonly WorkerKind[];
  /** Runs at once on the runner's engine; default: twice the processors. */
  readonly capacity?: number;
  readonly logger: Logger;
  /** Aborted to drain and end. */
  readonly signal: AbortSignal;
  /** Told when every worker polls. */
  readonly onReady?: () => void;
}

/** Runs the workers of one level in this process until the signal; then drains them and closes everything. */
export async function runWorkers(options: RunWorkersOptions): Promise<void> {
  const { connections, level, kinds, logger, signal } = options;
  installTemporalLogger(logger);
  const parts = openParts(connections, level, logger);
  await expectOwnLevel(parts);
  const { address, namespace } = connections.temporal;
  const connection = await NativeConnection.connect({ address });
  const clientConnection = await Connection.connect({ address });
  const closers: (() => Promise<void>)[] = [];
  try {
    const workers: Worker[] = [];
    if (kinds.includes('control')) {
      workers.push(
        await createControlWorker(parts, connection, new Client({ connection: clientConnection, namespace })),
      );
    }
    if (kinds.includes('builder')) {
      const { worker, close } = await createBuilderWorker(parts, connection);
      workers.push(worker);
      closers.push(close);
    }
    if (kinds.includes('runner')) {
      const capacity = options.capacity ?? 2 * availableParallelism();
      const runner = await createRunnerWorkers(parts, connection, { capacity });
      workers.push(...runner.workers);
      closers.push(() => runner.close());
    }
    const shutDown = (): void => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    };
    signal.addEventListener('abort', shutDown, { once: true });
    const running = Promise.all(workers.map((worker) => worker.run()));
    logger.info({ kinds }, 'Workers are running');
    options.onReady?.();
    if (signal.aborted) shutDown();
    await running;
  } finally {
    for (const close of closers) await close();
    await clientConnection.close();
    await connection.close();
    parts.close();
  }
}
