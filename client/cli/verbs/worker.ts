import { parseDiskBudget } from '../../../model/disk-budget.ts';
import type { Level } from '../../../model/pure/ids.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import type { ServesDind } from '../../../workers/dind-claims.ts';
import type { WorkerKind } from '../../../workers/run-workers.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { wholeNumber } from '../options.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { defineVerb } from '../verb.ts';

const KINDS = ['control', 'builder', 'runner'] as const satisfies readonly WorkerKind[];

/** With the time to save what is left it is within the 90 seconds that systemd gives a service. */
const DEFAULT_GRACE_SECONDS = 60;

interface WorkerArgs {
  readonly kind: ('all' | WorkerKind)[];
  readonly level: number;
  readonly capacity?: number | undefined;
  readonly grace?: number | undefined;
  readonly dind?: boolean | undefined;
  readonly 'disk-budget'?: string | undefined;
  readonly 'ready-file'?: string | undefined;
}

export const workerVerb = defineVerb<WorkerArgs>({
  command: 'worker <kind..>',
  describe: 'Serve one level: decide pushes, build images, run tasks',
  options: (cli) =>
    cli
      .positional('kind', {
        type: 'string',
        array: true,
        choices: [...KINDS, 'all'] as const,
        demandOption: true,
        describe: 'What this process does',
      })
      .option('level', {
        type: 'number',
        choices: [1, 2, 3],
        demandOption: true,
        describe: 'Trust level that it serves; one a process',
      })
      .option('capacity', {
        type: 'number',
        requiresArg: true,
        describe: 'Runs at once of a runner; default: twice the processors',
      })
      .option('dind', {
        type: 'boolean',
        describe:
          'Run tasks that have a private engine (features.dind), too; default: only as "all", when the configuration grants it',
      })
      .option('grace', {
        type: 'number',
        requiresArg: true,
        describe: `Seconds that builds and tasks may take to finish at SIGTERM; default: ${DEFAULT_GRACE_SECONDS}`,
      })
      .option('disk-budget', {
        type: 'string',
        requiresArg: true,
        describe:
          'What images may take in each engine: 40 GB, 30% of its disk, none; default: a part of the disk',
      })
      .option('ready-file', {
        type: 'string',
        requiresArg: true,
        describe: 'File that is written with the process id when every queue is polled',
      })
      .example('$0 worker all --level 1', 'Everything of level 1 in one process')
      .example('$0 worker runner --level 3 --capacity 4', 'Up to four tasks of level 3 at once'),
  run: work,
});

/**
 * Works until Ctrl-C or SIGTERM, then drains: that is its good end. No new work is taken; tasks that have not finished within
 * the grace time end `worker-shutdown` and run anew elsewhere.
 */
async function work(args: WorkerArgs, { env, signal }: Session): Promise<ExitCode> {
  const capacity = args.capacity === undefined ? undefined : wholeNumber('capacity', args.capacity, 1);
  const [
    connecting,
    metrics,
    { runWorkers },
    { createLogger },
    { takeSecrets },
    registry,
    { writeFile, rm },
  ] = await Promise.all([
    import('../../../workers/connections.ts'),
    import('../../../workers/metrics-address.ts'),
    import('../../../workers/run-workers.ts'),
    import('../../../workers/logger.ts'),
    import('../../../workers/secret-sources.ts'),
    import('../../../docker/registry/credentials-file.ts'),
    import('node:fs/promises'),
  ]);
  const readyFile = args['ready-file'];
  const level = args.level as Level;
  const logger = createLogger(`worker-${args.level}`);
  const sayReady = async (): Promise<void> => {
    if (readyFile !== undefined) await writeFile(readyFile, `${process.pid}\n`);
  };
  const connections = withBudget(await connecting.readLevelConnections(env, level), args['disk-budget']);
  try {
    await runWorkers({
      connections,
      level,
      kinds: args.kind.includes('all') ? KINDS : [...new Set(args.kind)].filter((kind) => kind !== 'all'),
      ...(capacity === undefined ? {} : { capacity }),
      dind: servesDind(args, connections),
      graceMs: wholeNumber('grace', args.grace ?? DEFAULT_GRACE_SECONDS, 0) * 1000,
      logger,
      secrets: takeSecrets(env),
      gitConfig: env.SLIPWAY_GIT_CONFIG || undefined,
      credentials: registry.namedCredentials(env),
      metricsAddress: metrics.givenMetricsAddress(env),
      signal,
      onReady: () => {
        sayReady().catch((error: unknown) => logger.error({ error }, 'The ready file cannot be written'));
      },
    });
  } finally {
    if (readyFile !== undefined) await rm(readyFile, { force: true });
  }
  return EXIT.good;
}

/** One that serves all stands beside the configuration; a runner alone is told, as its machine may be lost to such a task. */
function servesDind({ dind, kind }: WorkerArgs, { sidecarImage }: Connections): ServesDind {
  if (dind === true && sidecarImage === undefined)
    throw new UsageError('--dind needs the image of sidecars: set SLIPWAY_SIDECAR_IMAGE');
  if (dind !== undefined) return dind ? 'always' : 'never';
  return kind.includes('all') ? 'granted' : 'never';
}

function withBudget(connections: Connections, diskBudget: string | undefined): Connections {
  if (diskBudget === undefined) return connections;
  if (!parseDiskBudget(diskBudget)) throw new UsageError('--disk-budget must be like 40 GB, 30% or none');
  return { ...connections, diskBudget };
}
