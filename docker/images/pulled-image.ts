import type Docker from 'dockerode';
import type { EngineInfo } from '../engine.ts';
import { parseReference } from './image-reference.ts';

/** An image that an engine has by a name that others serve. */
export interface RegistryPull {
  /** What to create containers from, on this engine. */
  readonly engineImageId: string;
  /** What the name stands for, as far as the engine knows: `NAME@DIGEST` is this image, or the index that has it. */
  readonly registryDigest?: string;
  /** Where the engine knows images by it. */
  readonly configDigest?: string;
}

/** What an engine tells of an image by its reference. */
export function pulledImage(
  { Id: id, RepoDigests: known }: Pick<Docker.ImageInspectInfo, 'Id' | 'RepoDigests'>,
  reference: string,
  { imageStore }: Pick<EngineInfo, 'imageStore'>,
): RegistryPull {
  const { repository, digest } = parseReference(reference);
  const own = (known ?? []).map(parseReference).find((one) => one.repository === shortName(repository));
  const registryDigest = digest ?? own?.digest;
  return {
    engineImageId: id,
    ...(registryDigest === undefined ? {} : { registryDigest }),
    ...(imageStore === 'classic' ? { configDigest: id } : {}),
  };
}

/** Engines leave out what a name has without being told. */
function shortName(repository: string): string {
  return repository.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\//, '');
}
