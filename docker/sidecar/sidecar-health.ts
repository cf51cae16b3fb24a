import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { EngineUnavailable } from '../../model/errors.ts';
import { dockerAt } from '../client.ts';

const POLL_MS = 200;
const ANSWER_TIMEOUT_MS = 5_000;
/** An engine with much data needs a while; longer than this and it hangs. */
const START_TIMEOUT_MS = 90_000;
/** One that was started long ago answers at once, or hangs. */
const ADOPTED_TIMEOUT_MS = 15_000;
const LOG_LINES = 20;

/**
 * Waits until the engine inside a running sidecar answers. One that does not in time is restarted once.
 *
 * @throws {EngineUnavailable} with the last lines of its log.
 */
export async function waitUntilHealthy(
  container: Docker.Container,
  options: { readonly address: string; readonly signal: AbortSignal; readonly hasRun: boolean },
): Promise<void> {
  const timeoutMs = options.hasRun ? ADOPTED_TIMEOUT_MS : START_TIMEOUT_MS;
  if ((await answer(container, { ...options, timeoutMs })) === 'answers') return;
  await container.restart({ t: 0 });
  const outcome = await answer(container, { ...options, timeoutMs: START_TIMEOUT_MS });
  if (outcome === 'answers') return;
  throw new EngineUnavailable(
    options.address,
    `the sidecar ${outcome}; its log ends with\n${await logTail(container)}`,
  );
}

async function answer(
  container: Docker.Container,
  {
    address,
    signal,
    timeoutMs,
  }: { readonly address: string; readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<'answers' | 'ended at once' | 'started, but its engine did not'> {
  const inside = dockerAt(address);
  const giveUp = performance.now() + timeoutMs;
  while (performance.now() < giveUp) {
    signal.throwIfAborted();
    if (await answersOnce(inside)) return 'answers';
    if (!(await container.inspect()).State.Running) return 'ended at once';
    await delay(POLL_MS, undefined, { signal });
  }
  return 'started, but its engine did not';
}

async function answersOnce(docker: Docker): Promise<boolean> {
  try {
    await docker.listContainers({ limit: 1, abortSignal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    return true;
  } catch {
    return false;
  }
}

async function logTail(container: Docker.Container): Promise<string> {
  const framed = await container.logs({ stdout: true, stderr: true, tail: LOG_LINES });
  // Each frame has a header of 8 bytes; for a message it is enough to drop what cannot be printed.
  return framed.toString().replaceAll(/[^\t\n\x20-\x7e]/g, '');
}
