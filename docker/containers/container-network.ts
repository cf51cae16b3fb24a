import type Docker from 'dockerode';
import { EngineOutOfNetworks } from '../../model/errors.ts';
import { detailOf, isOutOfNetworks, statusCodeOf, unlessStatus } from '../engine-errors.ts';

/**
 * Makes a bridge network of that name unless there is one. Engines allow several of one name when they are asked at
 * once, and then refuse to start containers on them: of ours the oldest stays.
 * @throws {EngineOutOfNetworks}
 */
export async function ensureNetwork(
  docker: Docker,
  name: string,
  { labels, signal }: { readonly labels: Record<string, string>; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  if ((await networksNamed(docker, name)).length > 0) return;
  const options = { Name: name, Driver: 'bridge', CheckDuplicate: true, Labels: labels, abortSignal: signal };
  try {
    await unlessStatus([409], () => docker.createNetwork(options));
  } catch (error) {
    const detail = detailOf(error);
    if (!isOutOfNetworks(detail)) throw error;
    throw new EngineOutOfNetworks(`The engine has no addresses for another network: ${detail}`, {
      cause: error,
    });
  }
  const [, ...younger] = await networksNamed(docker, name);
  for (const { Id } of younger) await removeById(docker, Id);
}

/** Removes the networks of that name; no error when they are gone. What is still connected is cut off. */
export async function removeNetwork(docker: Docker, name: string): Promise<void> {
  for (const { Id } of await networksNamed(docker, name)) await removeById(docker, Id);
}

/** The same, but one that a running container has stays. */
export async function removeUnusedNetwork(docker: Docker, name: string): Promise<void> {
  for (const { Id } of await networksNamed(docker, name))
    await unlessStatus([403, 404], () => docker.getNetwork(Id).remove());
}

/** Removes one network by its id; no error when it is gone. What is still connected is cut off. */
export async function removeById(docker: Docker, id: string): Promise<void> {
  const network = docker.getNetwork(id);
  try {
    await unlessStatus([404], () => network.remove());
  } catch (error) {
    if (statusCodeOf(error) !== 403) throw error;
    const { Containers: connected } = (await network.inspect()) as Docker.NetworkInspectInfo;
    for (const container of Object.keys(connected ?? {}))
      await unlessStatus([404], () => network.disconnect({ Container: container, Force: true }));
    await unlessStatus([404], () => network.remove());
  }
}

/** Oldest first. The engine's own filter finds parts of names too. */
async function networksNamed(docker: Docker, name: string): Promise<readonly Docker.NetworkInspectInfo[]> {
  const found = await docker.listNetworks({ filters: { name: [name] } });
  return found
    .filter((network) => network.Name === name)
    .sort((one, other) => one.Created.localeCompare(other.Created) || one.Id.localeCompare(other.Id));
}
