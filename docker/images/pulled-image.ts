import type Docker from 'dockerode';
import type { EngineInfo } from '../engine.ts';
import { isOwnOrPassing } from '../room/use-names.ts';
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

/**
 * Whether an engine has an image under a name that others serve. Asked for an image it finds one by a beginning of its id too, and by the
 * names that Slipway gives: by these nobody is given an image, since it may be of another trust domain.
 */
export function isServedAs(
  reference: string,
  { RepoTags: tags, RepoDigests: digests }: Pick<Docker.ImageInspectInfo, 'RepoTags' | 'RepoDigests'>,
): boolean {
  if (isOwnOrPassing(reference)) return false;
  const wanted = fullName(reference);
  return [...(tags ?? []), ...(digests ?? [])].some((name) => fullName(name) === wanted);
}

function fullName(reference: string): string {
  const { repository, tag = 'latest', digest } = parseReference(reference);
  return `${shortName(repository)}${digest === undefined ? `:${tag}` : `@${digest}`}`;
}

/** Engines leave out what a name has without being told. */
function shortName(repository: string): string {
  return repository.replace(/^(?:index\.)?docker\.io\//, '').replace(/^library\//, '');
}
