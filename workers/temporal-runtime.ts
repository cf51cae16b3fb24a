import type { LogMetadata, RuntimeOptions } from '@temporalio/worker';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';

/** What the SDK tells of each worker of a process and of each activity: we say it in our own words, or it is no news. */
const NO_NEWS =
  /^(Worker state changed|No (Nexus|workflows|activities)|Activity failed|Creating worker|Workflow bundle)/;

/**
 * Sends the SDK's words to our log, and lets Prometheus fetch the SDK's numbers at an address. Once a process, before the first
 * connection. Numbers that cannot be given out, as when another process has the port, keep no worker from its work.
 */
export function installTemporalRuntime(
  logger: Logger,
  { metricsAddress }: { readonly metricsAddress?: string | undefined } = {},
): void {
  const options = runtimeOptions(logger);
  if (metricsAddress === undefined) return void Runtime.install(options);
  const metrics = { prometheus: { bindAddress: metricsAddress } };
  try {
    Runtime.install({ ...options, telemetryOptions: { ...options.telemetryOptions, metrics } });
    logger.info({ metricsAddress }, 'Prometheus finds numbers at /metrics');
  } catch (error) {
    logger.warn(
      { metricsAddress, error },
      'No numbers are given out: the address cannot be had. Has another process the port? Each worker needs its own SLIPWAY_METRICS_ADDRESS',
    );
    Runtime.install(options);
  }
}

function runtimeOptions(logger: Logger): RuntimeOptions {
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
  return {
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      logger[NO_NEWS.test(message) ? 'debug' : levels[level]](ourWords(meta ?? {}), message);
    }),
    // The process itself says when its workers end: first those that take work, last those that others need for their end.
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: 'WARN' } },
  };
}

/** Temporal's names of what ours have names for already, or what says the same on every line. */
const LEFT_OUT = [
  ...['namespace', 'taskQueue', 'taskToken', 'isLocal', 'sdkComponent', 'workflowType'],
  ...['activityId', 'activityType', 'runId', 'workflowRunId'],
];

function ourWords(meta: LogMetadata): Record<string, unknown> {
  const { workflowId, ...rest } = meta as Record<string, unknown>;
  const words = Object.fromEntries(Object.entries(rest).filter(([name]) => !LEFT_OUT.includes(name)));
  if (typeof workflowId !== 'string') return words;
  return { [workflowId.startsWith('push/') ? 'pushId' : 'taskId']: workflowId, ...words };
}
