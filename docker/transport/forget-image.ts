import type Docker from 'dockerode';
import { ownReference } from '../../model/engine-names.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { makesContainers } from '../containers/bare-container.ts';
import { isEngineFault, unlessStatus } from '../engine-errors.ts';
import { KIND, LABEL } from '../labels.ts';
import { removeImage, unname } from '../room/remove-image.ts';
import { isOwnImage, isOwnOrPassing, isPulled, namesOf } from '../room/use-names.ts';
import { commonLength } from './common-layers.ts';
import { expectedId, inspectImage } from './engine-images.ts';
import type { TransportContext } from './transport-context.ts';

/**
 * Takes away what the engine has of an image that no container can be made of: every name that Slipway gave it, and then the image, so
 * that the engine lets go of its layers. Where somebody else has given it a name too, or a container has it, it stays. A layer is let go
 * of when no image has it any more: what else of Slipway's has lost the same one goes too.
 */
export async function forgetImage(
  context: TransportContext,
  image: StoredImage,
  { tag, signal }: { readonly tag: string; readonly signal: AbortSignal },
): Promise<void> {
  const { docker } = context;
  // By a list: an image that has lost its last layer cannot be inspected.
  for (const listed of await docker.listImages()) {
    const { Id: id } = listed;
    const names = namesOf(listed);
    if (id === expectedId(context, image) || names.includes(ownReference(tag))) {
      const all = [...names, ...namesOf({ RepoTags: listed.RepoDigests ?? [] })];
      if (all.every((name) => isOwnOrPassing(name) || isPulled(name, names)))
        await removeImage(docker, { id, names });
      else for (const name of names.filter(isOwnOrPassing)) await unname(docker, name);
    } else if (isOwnImage(listed) && (await hasLostTheSame(context, listed, image, signal)))
      await removeImage(docker, { id, names });
  }
}

async function hasLostTheSame(
  context: TransportContext,
  { Id: id }: Docker.ImageInfo,
  { diffIds }: StoredImage,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const layers = (await inspectImage(context, id))?.RootFS?.Layers ?? [];
    if (commonLength(diffIds, layers) === 0) return false;
  } catch (error) {
    if (!isEngineFault(error)) throw error;
    return true;
  }
  const labels = { [LABEL.fleet]: context.fleet, [LABEL.kind]: KIND.task };
  const bare = { image: id, labels, signal };
  return (await unlessStatus([404], () => makesContainers(context.docker, bare))) === false;
}
