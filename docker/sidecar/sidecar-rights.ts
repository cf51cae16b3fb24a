import type Docker from 'dockerode';
import { removeContainer } from '../containers/remove-container.ts';
import { detailOf } from '../engine-errors.ts';
import { KIND, LABEL } from '../labels.ts';
import { SINGLE_RIGHTS } from './sidecar-config.ts';

export type SidecarRights =
  { readonly kind: 'privileged' | 'single' } | { readonly kind: 'refused'; readonly why: string };

/** What an engine does before all else, and what is refused without its rights. */
const TRIAL = 'mount -t tmpfs none /mnt';

/** Finds out, as a sidecar would be started, whether a container of this engine gets the rights that an engine needs. */
export async function trySidecarRights(
  docker: Docker,
  options: { readonly image: string; readonly fleet: string },
): Promise<SidecarRights> {
  if ((await attempt(docker, { ...options, rights: { Privileged: true } })) === undefined)
    return { kind: 'privileged' };
  const why = await attempt(docker, { ...options, rights: SINGLE_RIGHTS });
  return why === undefined ? { kind: 'single' } : { kind: 'refused', why };
}

/** Why not, or undefined when it went. */
async function attempt(
  docker: Docker,
  options: {
    readonly image: string;
    readonly fleet: string;
    readonly rights: Docker.HostConfig;
  },
): Promise<string | undefined> {
  let container: Docker.Container | undefined;
  try {
    container = await docker.createContainer({
      Image: options.image,
      Entrypoint: ['sh', '-c', TRIAL],
      Labels: { [LABEL.fleet]: options.fleet, [LABEL.kind]: KIND.sidecar },
      HostConfig: { ...options.rights, NetworkMode: 'none' },
    });
    await container.start();
    const { StatusCode } = (await container.wait()) as { readonly StatusCode: number };
    return StatusCode === 0 ? undefined : 'it may not mount';
  } catch (error) {
    return detailOf(error);
  } finally {
    if (container) await removeContainer(container);
  }
}
