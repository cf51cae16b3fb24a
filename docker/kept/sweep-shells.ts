import type Docker from 'dockerode';
import { removeById } from '../containers/container-network.ts';
import { removeContainer } from '../containers/remove-container.ts';
import { unlessStatus } from '../engine-errors.ts';
import { KIND, LABEL, labelFilter } from '../labels.ts';

/** What is younger may be one that somebody is just making. */
const MAKING_MS = 5 * 60_000;

/**
 * Removes of the shells in kept containers what their process, which was killed, has left: containers that never ran, networks and
 * images that no container has. One that runs goes by itself when its process does.
 */
export async function sweepShells(docker: Docker, fleet: string): Promise<void> {
  const ofFleet = labelFilter({ [LABEL.fleet]: fleet });
  const filters = { label: [...ofFleet, ...labelFilter({ [LABEL.kind]: KIND.shell })] };
  const isOld = (madeMs: number): boolean => Date.now() - madeMs > MAKING_MS;
  const containers = await docker.listContainers({ all: true, filters });
  for (const { Id, State, Created } of containers)
    if (State !== 'running' && isOld(Created * 1000)) await removeContainer(docker.getContainer(Id));
  const names = new Set(containers.flatMap(({ Names }) => Names.map((name) => name.slice(1))));
  for (const { Id, Name, Created } of await docker.listNetworks({ filters }))
    if (!names.has(Name) && isOld(Date.parse(Created))) await removeById(docker, Id);
  await removeShellImages(docker, ofFleet, ({ Created }) => isOld(Created * 1000));
}

/** Removes the images that shells in kept containers were made of, where no container has them. */
export async function removeShellImages(
  docker: Docker,
  labels: readonly string[] = [],
  mayGo: (image: Docker.ImageInfo) => boolean = () => true,
): Promise<void> {
  const filters = { label: [...labels, ...labelFilter({ [LABEL.kind]: KIND.shell })] };
  const images = await docker.listImages({ filters: JSON.stringify(filters) });
  for (const image of images.filter(mayGo))
    // 409: a container has it.
    await unlessStatus([404, 409], () => docker.getImage(image.Id).remove({ noprune: true }));
}
