import { ownReference } from '../../model/engine-names.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import { removeImage, unname } from '../room/remove-image.ts';
import { isOwnOrPassing, isPulled, namesOf } from '../room/use-names.ts';
import { expectedId, inspectImage } from './engine-images.ts';
import type { TransportContext } from './transport-context.ts';

/**
 * Takes away what the engine has of an image that no container can be made of: every name that Slipway gave it, and then the image, so
 * that the engine lets go of its layers. Where somebody else has given it a name too, or a container has it, it stays.
 */
export async function forgetImage(context: TransportContext, image: StoredImage, tag: string): Promise<void> {
  const { docker } = context;
  for (const reference of [ownReference(tag), expectedId(context, image)]) {
    const found = await inspectImage(context, reference);
    if (!found) continue;
    const names = namesOf(found);
    const all = [...names, ...namesOf({ RepoTags: found.RepoDigests ?? [] })];
    if (all.every((name) => isOwnOrPassing(name) || isPulled(name, names)))
      await removeImage(docker, { id: found.Id, names });
    else for (const name of names.filter(isOwnOrPassing)) await unname(docker, name);
  }
}
