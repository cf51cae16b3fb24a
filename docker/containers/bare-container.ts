import type Docker from 'dockerode';
import { isEngineFault } from '../engine-errors.ts';
import { removeContainer } from './remove-container.ts';

export interface BareContainer {
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Lends a container of an image in which nothing is mounted and nothing ever runs. */
export async function withBareContainer(
  docker: Docker,
  { image, labels, signal }: BareContainer,
  look: (bare: Docker.Container) => Promise<void>,
): Promise<void> {
  const bare = await docker.createContainer({
    Image: image,
    Cmd: ['-'],
    Labels: { ...labels },
    HostConfig: { NetworkMode: 'none' },
    abortSignal: signal,
  });
  try {
    await look(bare);
  } finally {
    await removeContainer(bare);
  }
}

/**
 * Whether an engine makes containers of an image that it has. Of one of which its disk has lost a layer it makes none (500), though it
 * may list and inspect it as any other; trying is the only probe.
 */
export async function makesContainers(docker: Docker, bare: BareContainer): Promise<boolean> {
  try {
    await withBareContainer(docker, bare, () => Promise.resolve());
    return true;
  } catch (error) {
    if (!isEngineFault(error)) throw error;
    return false;
  }
}
