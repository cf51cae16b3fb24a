import type Docker from 'dockerode';
import { parseReference } from '../images/image-reference.ts';
import { unname } from './remove-image.ts';
import { unlessGone } from './unless-gone.ts';
import { heldName, isHeldBy, namesOf } from './use-names.ts';

export interface HeldImage {
  readonly id: string;
  readonly names: readonly string[];
}

/** Images of an engine that somebody holds, with all of their names. */
export async function* imagesHeldBy(docker: Docker, holder: string): AsyncGenerator<HeldImage> {
  const filters = { reference: ['slipway.invalid/held'] };
  for (const { Id: id } of await docker.listImages({ filters: JSON.stringify(filters) })) {
    // A filtered list has only the names that it was asked for.
    const found = await unlessGone(docker, id, () => docker.getImage(id).inspect());
    const names = found ? namesOf(found) : [];
    if (names.some((name) => isHeldBy(name, holder))) yield { id, names };
  }
}

/** Has a hold begin now. The new name comes first, so that there is one all the time. */
export async function renewHold(docker: Docker, { id, names }: HeldImage, holder: string): Promise<void> {
  const renewed = heldName(holder, Date.now());
  const { repository, tag } = parseReference(renewed);
  await unlessGone(docker, id, () => docker.getImage(id).tag({ repo: repository, tag: tag ?? '' }));
  for (const name of names) if (isHeldBy(name, holder) && name !== renewed) await unname(docker, name);
}
