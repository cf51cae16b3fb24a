import type { DestinationStream, Logger } from 'pino';
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
    lossyStderr(),
  );
}

/**
 * Stderr, line by line. One that cannot be written is lost and ends no process: where a disk is full, the workers are what makes room.
 */
function lossyStderr(): DestinationStream {
  // Synchronous: what still waits when the process ends would be tried for ever.
  const open = (): ReturnType<typeof pino.destination> => {
    const opened = pino.destination({ dest: 2, sync: true });
    return opened.once('error', (error: NodeJS.ErrnoException) => {
      // Without a reader it is silent from here on.
      if (error.code === 'EPIPE') return;
      // It would keep this line, and every later one, until it can write them.
      opened.destroy();
      destination = open();
    });
  };
  let destination = open();
  return { write: (line) => void destination.write(line) };
}
