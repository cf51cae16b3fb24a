import type Docker from 'dockerode';
import { removeContainer } from '../containers/remove-container.ts';
import { isKept } from './kept-name.ts';

/** Removes the kept containers that have a volume which is to go: it would stay for as long as they do. */
export async function removeKeptWith(docker: Docker, volume: string): Promise<void> {
  const containers = await docker.listContainers({ all: true, filters: { volume: [volume] } });
  for (const { Id } of containers.filter(isKept)) await removeContainer(docker.getContainer(Id));
}
