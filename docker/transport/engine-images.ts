import { isTransferName } from '../room/use-names.ts';
import type { Digest } from '../../model/pure/ids.ts';
import type { StoredImage } from '../../model/schema/plan.ts';
import type { TransportContext } from './transport-context.ts';

interface InspectedImage {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  readonly RootFS?: { readonly Layers?: readonly string[] | null };
  readonly Manifests?: readonly {
    readonly Kind?: string;
    readonly Available?: boolean;
    readonly ImageData?: { readonly Size?: { readonly Unpacked?: number } };
  }[];
}

/** What the engine has under a name or id, or undefined. */
export async function inspectImage(
  { docker, info }: TransportContext,
  reference: string,
): Promise<InspectedImage | undefined> {
  // dockerode's own `inspect` drops the query.
  const path = `/images/${reference}/json?`;
  const options = info.imageStore === 'containerd' ? { manifests: 'true' } : {};
  try {
    return await new Promise<InspectedImage>((resolve, reject) => {
      docker.modem.dial(
        {
          path,
          method: 'GET',
          options,
          statusCodes: { 200: true, 404: 'no such image', 500: 'server error' },
        },
        (error, data) => (error ? reject(error as Error) : resolve(data as InspectedImage)),
      );
    });
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/**
 * The id under which the engine has exactly this image, complete, by the first of some names; undefined when it has not.
 * Inspecting alone proves nothing on a containerd store: it answers well with layers missing.
 */
export async function findLoaded(
  context: TransportContext,
  image: StoredImage,
  references: readonly string[],
): Promise<string | undefined> {
  return (await findLoadedImage(context, image, references))?.Id;
}

/** The same, with the names that it has. */
export async function findLoadedImage(
  context: TransportContext,
  image: StoredImage,
  references: readonly string[],
): Promise<InspectedImage | undefined> {
  for (const reference of references) {
    const found = await inspectImage(context, reference);
    if (found && isSame(context, image, found) && isComplete(context, found)) return found;
  }
  return undefined;
}

/** The id that an image has on an engine which got it by its stored manifest. */
export function expectedId({ info }: TransportContext, image: StoredImage): Digest {
  return (info.imageStore === 'classic' ? image.configDigest : image.manifestDigest) as Digest;
}

/** Removes a reference; no error when it is gone. */
export async function removeReference({ docker }: TransportContext, reference: string): Promise<void> {
  try {
    await docker.getImage(reference).remove();
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

/**
 * Removes names of transfers from an image, which a worker that was killed between one and its end leaves behind: those of endpoints,
 * whatever port they had, and of tars. One that is under way finds the image by its id. Removing an image's only name would remove
 * the image, so there must be another one.
 */
export async function removeTransferNames(
  context: TransportContext,
  { RepoTags, RepoDigests }: InspectedImage,
): Promise<void> {
  const names = [...(RepoTags ?? []), ...(RepoDigests ?? [])];
  for (const name of names) if (isTransferName(name)) await removeReference(context, name);
}

export function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number } | undefined)?.statusCode;
}

function isSame(context: TransportContext, image: StoredImage, found: InspectedImage): boolean {
  if (context.info.imageStore === 'classic' && found.Id !== image.configDigest) return false;
  const layers = found.RootFS?.Layers ?? [];
  return layers.length === image.diffIds.length && layers.every((layer, at) => layer === image.diffIds[at]);
}

/** Whether a container can be made of an image that the engine knows: all of its blobs are there, or its layers are unpacked. */
export function isUsable({ info }: TransportContext, { Manifests: manifests }: InspectedImage): boolean {
  if (info.imageStore === 'classic') return true;
  return (manifests ?? []).some(
    ({ Available, ImageData }) => Available === true || (ImageData?.Size?.Unpacked ?? 0) > 0,
  );
}

function isComplete({ info }: TransportContext, { Manifests: manifests }: InspectedImage): boolean {
  if (info.imageStore === 'classic') return true;
  return (manifests ?? []).some(
    ({ Available, ImageData }) => Available === true && (ImageData?.Size?.Unpacked ?? 0) > 0,
  );
}
