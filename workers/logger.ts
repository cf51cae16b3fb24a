import type { LogMetadata } from '@temporalio/worker';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { pino, stdTimeFunctions } from 'pino';
import { describeError } from './describe-error.ts';

/** The process's log: one JSON line an event, on stderr. */
export function createLogger(name: string): Logger {
  return pino(
    {
      name,
      level: process.env.SLIPWAY_LOG_LEVEL ?? 'info',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { error: describeError },
      redact: ['secretAccessKey', '*.secretAccessKey', '*.*.secretAccessKey'],
    },
    pino.destination(2),
  );
}

/** What the SDK tells of each worker of a process and of each activity: we say it in our own words, or it is no news. */
const NO_NEWS =
  /^(Worker state changed|No (Nexus|workflows|activities)|Activity failed|Creating worker|Workflow bundle)/;

/** Sends the SDK's words to the same log. Once a process, before the first connection. */
export function installTemporalLogger(logger: Logger): void {
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      logger[NO_NEWS.test(message) ? 'debug' : levels[level]](ourWords(meta ?? {}), message);
    }),
    // The process itself says when its workers end: first those that take work, last those that others need for their end.
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: 'WARN' } },
  });
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
