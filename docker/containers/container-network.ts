import type Docker from 'dockerode';
import { statusCodeOf, unlessStatus } from '../engine-errors.ts';

/** Makes a bridge network of that name unless there is one. */
export async function ensureNetwork(
  docker: Docker,
  name: string,
  { labels, signal }: { readonly labels: Record<string, string>; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  await unlessStatus([409], () =>
    docker.createNetwork({
      Name: name,
      Driver: 'bridge',
      CheckDuplicate: true,
      Labels: labels,
      abortSignal: signal,
    }),
  );
}

/** Removes a network; no error when it is gone. What is still connected to it (a container just being removed) is cut off. */
export async function removeNetwork(docker: Docker, name: string): Promise<void> {
  const network = docker.getNetwork(name);
  try {
    await unlessStatus([404], () => network.remove());
  } catch (error) {
    if (statusCodeOf(error) !== 403) throw error;
    const { Containers: connected } = (await network.inspect()) as Docker.NetworkInspectInfo;
    for (const id of Object.keys(connected ?? {}))
      await unlessStatus([404], () => network.disconnect({ Container: id, Force: true }));
    await unlessStatus([404], () => network.remove());
  }
}
