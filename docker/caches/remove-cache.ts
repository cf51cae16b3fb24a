import type Docker from 'dockerode';
import { LABEL } from '../labels.ts';
import type { Labelled } from '../volumes.ts';
import { heldName, removingLabels, usedName } from './cache-volumes.ts';
import { makeVolume, removeVolume } from '../volumes.ts';

/** Nobody needs so long to remove a volume: who left such a hold was killed. */
const REMOVING_MS = 10 * 60_000;

/** Removes an instance that no run has; gives whether it is gone. */
export async function removeCache(docker: Docker, instance: Labelled): Promise<boolean> {
  const held = heldName(instance.name);
  const wanted = removingLabels(instance, Date.now());
  const labels = await makeVolume(docker, held, wanted);
  const isOurs = labels?.[LABEL.removing] === wanted[LABEL.removing];
  if (!isOurs) return false;
  const isGone = await removeVolume(docker, instance.name);
  if (isGone) await removeVolume(docker, usedName(instance.name));
  await removeVolume(docker, held);
  return isGone;
}

/** Takes the hold of somebody away who was killed while removing an instance. */
export async function dropStaleHold(docker: Docker, { name, labels }: Labelled): Promise<void> {
  const since = Number.parseInt(labels[LABEL.removing] ?? '', 10);
  if (Date.now() - since > REMOVING_MS) await removeVolume(docker, name);
}
