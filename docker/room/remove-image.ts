import type Docker from 'dockerode';
import { unlessStatus } from '../engine-errors.ts';
import { namesOf } from './measure-images.ts';
import type { MeasuredImage } from './measure-images.ts';

/**
 * Removes an image name by name, without force: the engine refuses (409) where a container has come to use it meanwhile. One that
 * somebody has named since it was measured is used again, and stays. Gives whether it is gone.
 */
export async function removeImage(docker: Docker, image: MeasuredImage): Promise<boolean> {
  const found = await unlessStatus([404], () => docker.getImage(image.id).inspect());
  if (!found) return true;
  const names = namesOf(found);
  if (names.some((name) => !image.names.includes(name))) return false;
  // Its own name last: it is the one to be left when a container has come.
  for (const name of names.toSorted((a, b) => rank(a) - rank(b)))
    await unlessStatus([404, 409], () => docker.getImage(name).remove());
  // On a containerd store what was pulled by digest keeps that name.
  await unlessStatus([404, 409], () => docker.getImage(image.id).remove());
  return (await unlessStatus([404], () => docker.getImage(image.id).inspect())) === undefined;
}

function rank(name: string): number {
  return name.startsWith('slipway.invalid/image:') ? 1 : 0;
}
