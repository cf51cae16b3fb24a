import type Docker from 'dockerode';
import { dockerAt } from './client.ts';
import { removeById } from './containers/container-network.ts';
import { removeContainer } from './containers/remove-container.ts';
import { inEngine, unlessStatus } from './engine-errors.ts';
import type { Engine } from './engine.ts';
import { KIND, LABEL } from './labels.ts';

export interface FoundContainer {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Removes the task containers of a fleet that `isNobodys` says no run needs any more, and networks whose container somebody
 * else has removed; gives their names.
 */
export async function sweepContainers(
  engine: Engine,
  {
    fleet,
    isNobodys,
  }: { readonly fleet: string; readonly isNobodys: (container: FoundContainer) => Promise<boolean> },
): Promise<readonly string[]> {
  const labels = { [LABEL.fleet]: fleet, [LABEL.kind]: KIND.task };
  const containers = await engine.containers.list(labels);
  const names = new Set(containers.map(({ name }) => name));
  const networks = await engine.containers.networks(labels);
  const removed: string[] = [];
  for (const container of [...containers, ...networks.filter(({ name }) => !names.has(name))]) {
    if (!(await isNobodys(container))) continue;
    await engine.containers.remove(container.name);
    removed.push(container.name);
  }
  return removed;
}

/**
 * Removes all containers and networks of a fleet from an engine, and with `volumes` the data of its sidecars too. Safe to
 * repeat. @throws {EngineUnavailable}
 */
export async function removeFleet(
  host: string,
  fleet: string,
  { volumes }: { readonly volumes: boolean },
): Promise<void> {
  const docker = dockerAt(host);
  const filters = { label: [`${LABEL.fleet}=${fleet}`] };
  await inEngine({ address: host, doing: `remove what fleet ${fleet} made` }, async () => {
    const containers = await docker.listContainers({ all: true, filters });
    await Promise.all(containers.map(({ Id }) => removeContainer(docker.getContainer(Id))));
    for (const { Id } of await docker.listNetworks({ filters })) await removeById(docker, Id);
    if (volumes) await removeVolumes(docker, filters);
  });
}

async function removeVolumes(docker: Docker, filters: { readonly label: string[] }): Promise<void> {
  const { Volumes: found } = await docker.listVolumes({ filters });
  for (const { Name } of found ?? []) await unlessStatus([404], () => docker.getVolume(Name).remove());
}
