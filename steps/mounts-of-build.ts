import type { BuildContext } from '../images/build-context.ts';
import type { DockerfileMounts } from '../images/cache-mounts.ts';
import type { Level } from '../model/pure/ids.ts';
import type { ImageInputs } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import { ownReference } from '../model/engine-names.ts';
import type { StepContext } from './step-context.ts';
import { tagOfBase } from './tag-of-base.ts';

/** Whose cache mounts they are, and what the way there needs. */
export interface MountPlace extends Pick<StepContext, 'signal' | 'onProgress'> {
  readonly store: Store;
  readonly domain: string;
  readonly level: Level;
  readonly platform: string;
}

/** The cache mounts of an image, each with the name that the image under its stage has in an engine which has built on it. */
export function mountsOfBuild(
  buildContext: Pick<BuildContext, 'cacheMounts'>,
  { platform, parent, bases }: ImageInputs,
): DockerfileMounts {
  const parentReference = parent === null ? undefined : ownReference(parent);
  const { mounts, unknown } = buildContext.cacheMounts({ platform, parentReference });
  const nameOf = (ground: string): string => {
    const digest = bases[ground];
    return digest === undefined ? ground : ownReference(tagOfBase(digest));
  };
  return { unknown, mounts: mounts.map((mount) => ({ ...mount, ground: nameOf(mount.ground) })) };
}
