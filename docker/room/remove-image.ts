import type Docker from 'dockerode';
import { OWN_REPOSITORY } from '../../model/engine-names.ts';
import { isEngineFault, unlessStatus } from '../engine-errors.ts';
import { unlessGone } from './unless-gone.ts';
import { isHeld, isUseName, namesOf } from './use-names.ts';

/**
 * Removes an image name by name, without force: the engine refuses (409) where a container has come to use it meanwhile. One that
 * somebody has named since it was measured is used again, and stays. Gives whether it is gone.
 */
export async function removeImage(
  docker: Docker,
  image: { readonly id: string; readonly names: readonly string[] },
): Promise<boolean> {
  const names = await namesNow(docker, image);
  if (!names) return true;
  if (names.some((name) => !image.names.includes(name))) return false;
  // Its own name last: it is the one to be left when a container has come.
  for (const name of names.toSorted((a, b) => rank(a) - rank(b))) await unname(docker, name);
  // On a containerd store what was pulled by digest keeps that name.
  await unname(docker, image.id);
  return (await namesNow(docker, image)) === undefined;
}

/** Undefined when it is gone. One that has lost its last layer cannot be inspected: it has the names that it was listed with. */
async function namesNow(
  docker: Docker,
  { id, names }: { readonly id: string; readonly names: readonly string[] },
): Promise<readonly string[] | undefined> {
  try {
    const found = await unlessGone(docker, id, () => docker.getImage(id).inspect());
    return found && namesOf(found);
  } catch (error) {
    if (!isEngineFault(error)) throw error;
    return names;
  }
}

/** Takes a name away from an image; and what tells of its use, when nothing else is left of it. 404 when there is no such name. */
export async function removeName(docker: Docker, name: string): Promise<void> {
  const others = namesOf(await docker.getImage(name).inspect()).filter((other) => other !== name);
  await docker.getImage(name).remove();
  if (others.every(isUseName) && !isHeld(others, Date.now()))
    for (const other of others) await unname(docker, other);
}

/** Takes a name away from an image; its last one only when no container has it (409). */
export async function unname(docker: Docker, name: string): Promise<void> {
  await unlessGone(docker, name, () => unlessStatus([409], () => docker.getImage(name).remove()));
}

function rank(name: string): number {
  return name.startsWith(`${OWN_REPOSITORY}:`) ? 1 : 0;
}
