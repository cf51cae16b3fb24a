import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { statusCodeOf, unlessStatus } from '../engine-errors.ts';

const LOOKS = 5;
const BETWEEN_MS = 50;

/**
 * Asks about an image that somebody may be removing; undefined when it is gone. A classic engine answers 500 while it removes one,
 * so whatever it says, it is looked whether the image is still there.
 */
export async function unlessGone<T>(
  docker: Docker,
  image: string,
  request: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await request();
  } catch (error) {
    if (statusCodeOf(error) === undefined || (await isThere(docker, image))) throw error;
    return undefined;
  }
}

async function isThere(docker: Docker, image: string): Promise<boolean> {
  for (let look = 1; ; look += 1) {
    try {
      return (await unlessStatus([404], () => docker.getImage(image).inspect())) !== undefined;
    } catch (error) {
      if (look === LOOKS) throw error;
    }
    await delay(BETWEEN_MS);
  }
}
