import type Docker from 'dockerode';
import { statusCodeOf, unlessStatus } from './engine-errors.ts';
import { isKept } from './kept/kept-name.ts';
import { labelFilter } from './labels.ts';

/** Something of an engine that Slipway finds by its labels. */
export interface Labelled {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** When it was made, in milliseconds since 1970, as far as the engine tells. */
  readonly createdMs?: number | undefined;
}

/** A volume as an engine lists it. */
type ListedVolume = Docker.VolumeInspectInfo & { readonly CreatedAt?: string };

/** A volume as it is: what the image has at that path is not copied into it. */
export interface MountedVolume {
  readonly path: string;
  /** Kept when the container is removed; without a name it goes with the container. */
  readonly name?: string;
  /** Should the engine have to make it. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Volumes with these labels (value undefined: any). */
export async function listVolumes(
  docker: Docker,
  labels: Readonly<Record<string, string | undefined>>,
): Promise<readonly Labelled[]> {
  const { Volumes: found } = await docker.listVolumes({ filters: { label: labelFilter(labels) } });
  return (found ?? []).map(({ Name, Labels, CreatedAt }: ListedVolume) => ({
    name: Name,
    labels: Labels ?? {},
    createdMs: timeOf(CreatedAt),
  }));
}

/** A time as an engine tells it, in milliseconds since 1970; undefined where it tells none. */
export function timeOf(text: string | undefined): number | undefined {
  return Date.parse(text ?? '') || undefined;
}

/**
 * Makes a volume unless there is one of that name, and gives the labels of the one that is there: of several who do so at
 * once with different labels, the engine takes those of the first. Undefined when it was removed in between.
 */
export async function makeVolume(
  docker: Docker,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>> | undefined> {
  await docker.createVolume({ Name: name, Labels: { ...labels } });
  return labelsOfVolume(docker, name);
}

export async function labelsOfVolume(
  docker: Docker,
  name: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const found = await unlessStatus([404], () => docker.getVolume(name).inspect());
  return found && (found.Labels ?? {});
}

/** Whether it is gone now: a container may have it (409). */
export async function removeVolume(docker: Docker, name: string): Promise<boolean> {
  try {
    await unlessStatus([404], () => docker.getVolume(name).remove());
    return true;
  } catch (error) {
    if (statusCodeOf(error) === 409) return false;
    throw error;
  }
}

/** Names of volumes that some container has, in whatever state it is; one that is kept uses them no more. */
export async function mountedVolumes(docker: Docker): Promise<ReadonlySet<string>> {
  const containers = (await docker.listContainers({ all: true })).filter((container) => !isKept(container));
  return new Set(containers.flatMap(({ Mounts = [] }) => Mounts.map(({ Name }) => Name ?? '')));
}
