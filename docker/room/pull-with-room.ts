import type Docker from 'dockerode';
import { isSlipwayError } from '../../model/errors.ts';
import { parseReference } from '../images/image-reference.ts';
import type { EngineRoom } from './engine-room.ts';
import { unlessGone } from './unless-gone.ts';
import { heldName, isOwnImage, isOwnOrPassing, namesOf, pulledName } from './use-names.ts';

/**
 * Pulls an image from outside into an engine that has a budget, for a holder who releases it. It counts and goes as those of the store do
 * from then on, unless the engine had it before, or somebody gives it another name. When the disk is full, once more after all that
 * may go is gone.
 */
export async function pullWithRoom<T extends { readonly engineImageId: string }>(
  { docker, room, holder }: { readonly docker: Docker; readonly room: EngineRoom; readonly holder: string },
  pull: () => Promise<T>,
): Promise<T> {
  const listed = await docker.listImages({ all: true });
  // What Slipway has pulled before under another name gets this one, too.
  const before = new Set(listed.filter((image) => !isOwnImage(image)).map(({ Id }) => Id));
  const pulled = await pull().catch(async (error: unknown) => {
    if (!isSlipwayError(error) || error.type !== 'EngineOutOfSpace' || !(await room.empty())) throw error;
    return pull();
  });
  const { engineImageId: id } = pulled;
  await unlessGone(docker, id, () =>
    before.has(id) ? room.usePulled(id, holder) : markPulled(docker, id, holder),
  );
  await room.keep();
  return pulled;
}

/** Each name that it has now is noted, so that one which comes later tells that it is somebody's. Held before it may go. */
async function markPulled(docker: Docker, id: string, holder: string): Promise<void> {
  const found = await docker.getImage(id).inspect();
  const names = [...namesOf(found), ...namesOf({ RepoTags: found.RepoDigests })];
  const others = names.filter((name) => !isOwnOrPassing(name));
  for (const name of [heldName(holder, Date.now()), ...others.map(pulledName)]) {
    const { repository, tag } = parseReference(name);
    await docker.getImage(id).tag({ repo: repository, tag: tag ?? '' });
  }
}
