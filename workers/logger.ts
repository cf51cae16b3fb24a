import { DefaultLogger, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { pino } from 'pino';

/** The process's log: one JSON line an event, on stderr. */
export function createLogger(name: string): Logger {
  return pino(
    {
      name,
      level: process.env.SLIPWAY_LOG_LEVEL ?? 'info',
      redact: ['secretAccessKey', '*.secretAccessKey'],
    },
    pino.destination(2),
  );
}

/** Sends the SDK's words to the same log. Once a process, before the first connection. */
export function installTemporalLogger(logger: Logger): void {
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
  Runtime.install({
    logger: new DefaultLogger('INFO', ({ level, message, meta }) =>
      logger[levels[level]](meta ?? {}, message),
    ),
    // The process itself says when its workers end: first those that take work, last those that others need for their end.
    shutdownSignals: [],
    telemetryOptions: { logging: { forward: {}, filter: 'WARN' } },
  });
}
