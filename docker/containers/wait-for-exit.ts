import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';

const WAIT_ANSWERS = {
  200: true,
  400: 'bad parameter',
  404: 'no such container',
  500: 'server error',
} as const;

/**
 * Waits until a container does not run. The engine sends the head of its answer at once and the body at the exit, so the
 * body is read as a stream: dockerode's own `wait` never ends when the engine dies in between.
 */
export async function waitForExit(container: Docker.Container, signal: AbortSignal): Promise<void> {
  const answer = await new Promise<Readable>((resolve, reject) => {
    const request = {
      path: `/containers/${container.id}/wait?`,
      // Apart from the path: of a whole query in it dockerode drops the last character.
      options: { condition: 'not-running' },
      method: 'POST',
      isStream: true,
      statusCodes: WAIT_ANSWERS,
      abortSignal: signal,
    };
    (container.modem as Modem).dial(request, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
  await text(answer);
}

/** What dockerode leaves untyped. */
interface Modem {
  dial(
    request: Readonly<Record<string, unknown>>,
    done: (error: Error | null, stream: Readable) => void,
  ): void;
}
