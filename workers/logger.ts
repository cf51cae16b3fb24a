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
