import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { statusCodeOf, unlessStatus } from '../engine-errors.ts';

const POLL_MS = 100;
const POLLS = 100;

/** Removes a container and its anonymous volumes, running or not; no error when it is gone. */
export async function removeContainer(container: Docker.Container): Promise<void> {
  for (let poll = 0; poll < POLLS; poll += 1) {
    try {
      await unlessStatus([404], () => container.remove({ force: true, v: true }));
      return;
    } catch (error) {
      // Somebody else is removing it.
      if (statusCodeOf(error) !== 409) throw error;
      await delay(POLL_MS);
    }
  }
}
