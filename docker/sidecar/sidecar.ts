import { mkdir, rm } from 'node:fs/promises';
import type Docker from 'dockerode';
import { dockerAt } from '../client.ts';
import { removeContainer } from '../containers/remove-container.ts';
import { ensureNetwork, removeNetwork, removeUnusedNetwork } from '../containers/container-network.ts';
import { detailOf, inEngine, statusCodeOf, unlessStatus } from '../engine-errors.ts';
import { EngineUnavailable } from '../../model/errors.ts';
import type { EndpointReach } from '../engine-options.ts';
import { hostNameservers } from './host-nameservers.ts';
import { hostProxies } from './host-proxies.ts';
import { FORWARD_PORT, isMadeSo, planSidecar, sidecarConfig } from './sidecar-config.ts';
import type { SidecarOptions, SidecarPlan } from './sidecar-config.ts';
import { waitUntilHealthy } from './sidecar-health.ts';

export type { SidecarOptions } from './sidecar-config.ts';

/** Seconds that the engine in a sidecar has to end its containers. */
const STOP_SECONDS = 10;

/** A Docker Engine of its own in a container. */
export interface Sidecar {
  /** Of the engine inside: `unix:///…`. */
  readonly address: string;
  readonly reach: EndpointReach & { readonly kind: 'forwarder' };
  /** Ends the engine and gives its network back; its data stays for the next {@link ensureSidecar}. No error when it does not run. */
  stop(): Promise<void>;
  /** Removes container, network, volume and sockets; no error when they are gone. */
  remove(): Promise<void>;
}

/**
 * Makes the sidecar of a trust domain and level, or adopts the one that is there, and returns when its engine answers.
 * One that is dead or hangs is started again, one of another image replaced; the data of both stays. An image that was pruned is made.
 *
 * @throws {EngineUnavailable} with the last lines of its log when the engine inside does not come.
 * @throws {EngineRequestFailed} {ConfigInvalid}
 */
export async function ensureSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { host, signal } = options;
  const docker = dockerAt(host);
  const plan = planSidecar(options);
  const address = `unix://${plan.engineSocket}`;
  await mkdir(plan.directory, { recursive: true, mode: 0o700 });
  await inEngine({ address: host, doing: `make sidecar ${plan.name}`, signal }, async () => {
    try {
      const made = await makeOrAdopt(docker, plan, options);
      await waitUntilHealthy(docker.getContainer(plan.name), { address, signal, hasRun: made === 'adopted' });
    } catch (error) {
      // Whatever it needs may be pruned between two requests, or be on its way out: the next try makes it again.
      if (![404, 409].includes(statusCodeOf(error) ?? 0)) throw error;
      throw new EngineUnavailable(host, `what ${plan.name} needs was removed meanwhile: ${detailOf(error)}`, {
        cause: error,
      });
    }
  });
  return {
    address,
    reach: { kind: 'forwarder', socketPath: plan.endpointSocket, port: FORWARD_PORT },
    stop: () =>
      inEngine({ address: host, doing: `stop sidecar ${plan.name}` }, () => stopSidecar(docker, plan)),
    remove: () =>
      inEngine({ address: host, doing: `remove sidecar ${plan.name}` }, () => remove(docker, plan)),
  };
}

/** Where the kernel does not allow all rights, a privileged container cannot be started: trying is the only probe. */
async function makeOrAdopt(
  docker: Docker,
  plan: SidecarPlan,
  { image, makeImage, signal }: SidecarOptions,
): Promise<'adopted' | 'started'> {
  const wanted = { image, nameservers: await hostNameservers(), proxies: hostProxies() };
  const container = docker.getContainer(plan.name);
  const found = await unlessStatus([404], () => container.inspect());
  if (found && isMadeSo(found.Config.Labels, wanted)) {
    if (found.State.Running) return 'adopted';
    await ensureNetwork(docker, plan.name, { labels: plan.labels, signal });
    if (await starts(container)) return 'started';
  }
  await removeContainer(container);
  await ensureNetwork(docker, plan.name, { labels: plan.labels, signal });
  await docker.createVolume({ Name: plan.name, Labels: plan.labels, abortSignal: signal });
  await create(docker, sidecarConfig(plan, { ...wanted, privileged: true }), makeImage);
  if (await starts(container)) return 'started';
  await removeContainer(container);
  await create(docker, sidecarConfig(plan, { ...wanted, privileged: false }));
  try {
    await unlessStatus([304], () => container.start());
    return 'started';
  } catch (error) {
    // Its network was pruned just now, or is listed without being there, as a killed engine leaves it: both are made anew.
    if (statusCodeOf(error) === 404) {
      await removeContainer(container);
      await removeNetwork(docker, plan.name);
    }
    throw error;
  }
}

async function create(
  docker: Docker,
  config: Docker.ContainerCreateOptions,
  makeImage?: () => Promise<void>,
): Promise<void> {
  try {
    // 409: another worker of this level was faster.
    await unlessStatus([409], () => docker.createContainer(config));
  } catch (error) {
    // 404: the image was pruned.
    if (!makeImage || statusCodeOf(error) !== 404) throw error;
    await makeImage();
    await create(docker, config);
  }
}

async function starts(container: Docker.Container): Promise<boolean> {
  try {
    await unlessStatus([304], () => container.start());
    return true;
  } catch {
    return false;
  }
}

/**
 * Engines have addresses for few networks: one that does not run needs none, and gets another when it is started again. Old engines
 * do not start a container on that; then it is made anew, and its data stays.
 */
export async function stopSidecar(docker: Docker, { name }: Pick<SidecarPlan, 'name'>): Promise<void> {
  await unlessStatus([304, 404], () => docker.getContainer(name).stop({ t: STOP_SECONDS }));
  await removeUnusedNetwork(docker, name);
}

async function remove(docker: Docker, plan: SidecarPlan): Promise<void> {
  // Killed at once, its engine would leave what it mounted to the kernel: let it end first.
  await stopSidecar(docker, plan);
  await removeContainer(docker.getContainer(plan.name));
  await removeNetwork(docker, plan.name);
  await unlessStatus([404], () => docker.getVolume(plan.name).remove());
  await rm(plan.directory, { recursive: true, force: true });
}
