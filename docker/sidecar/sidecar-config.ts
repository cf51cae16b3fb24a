import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { ConfigInvalid } from '../../model/errors.ts';
import type { Level } from '../../model/pure/ids.ts';
import { KIND, LABEL } from '../labels.ts';

export interface SidecarOptions {
  /** Address of the engine that the sidecar is a container of; on this machine, since they share a directory. */
  readonly host: string;
  readonly fleet: string;
  readonly domain: string;
  readonly level: Level;
  /** Which builder of the machine it belongs to; default 0. */
  readonly seat?: number;
  /** The sidecar's image, as the host's engine knows it. */
  readonly image: string;
  /** Makes that image where the host's engine lacks it; without this its absence is an error. */
  readonly makeImage?: () => Promise<void>;
  /** A short directory, absolute; the sidecar's sockets come below it. */
  readonly runtimeDirectory: string;
  readonly signal: AbortSignal;
}

/** Everything about a sidecar that follows from what it is for, so that whoever asks finds the same one. */
export interface SidecarPlan {
  /** Of the container, its network and its volume. */
  readonly name: string;
  readonly directory: string;
  readonly engineSocket: string;
  readonly endpointSocket: string;
  readonly labels: Record<string, string>;
}

/** Where the endpoint is on the sidecar's own 127.0.0.1. */
export const FORWARD_PORT = 5000;
/** What a sidecar was made with; one that was made otherwise is replaced. */
const LABEL_RECIPE = 'slipway.recipe';
export const ENGINE_SOCKET = 'docker.sock';
/** Of the kernel's `sun_path`, without the final zero. */
const SOCKET_PATH_MAX_BYTES = 107;
const HASH_DIGITS = 12;
/** Where a sidecar has the directory of its sockets. */
export const SHARED_DIRECTORY = '/run/slipway';

/** @throws {ConfigInvalid} when the runtime directory is too long for sockets. */
export function planSidecar({
  host,
  fleet,
  domain,
  level,
  seat = 0,
  runtimeDirectory,
}: Omit<SidecarOptions, 'image' | 'signal'> & Partial<SidecarOptions>): SidecarPlan {
  // Builders beside several engines may share a runtime directory, and several builders an engine.
  const hash = hashOf([host, fleet, domain, level, seat]);
  const directory = join(runtimeDirectory, hash);
  const endpointSocket = join(directory, 'endpoint.sock');
  if (Buffer.byteLength(endpointSocket) > SOCKET_PATH_MAX_BYTES)
    throw new ConfigInvalid(
      `Runtime directory ${runtimeDirectory}: ${endpointSocket} is longer than the ${SOCKET_PATH_MAX_BYTES} bytes that a socket's path may have`,
    );
  // A domain may hold characters that a container's name may not; the hash keeps names apart.
  const legible = domain.replaceAll(/[^a-zA-Z0-9_.-]/g, '-');
  return {
    name: `slipway-${fleet}-sidecar-${legible}-${level}-${hash.slice(0, 6)}`,
    directory,
    engineSocket: join(directory, ENGINE_SOCKET),
    endpointSocket,
    labels: {
      [LABEL.fleet]: fleet,
      [LABEL.kind]: KIND.sidecar,
      [LABEL.domain]: domain,
      [LABEL.level]: String(level),
      [LABEL.seat]: String(seat),
    },
  };
}

/** What a sidecar is made with. */
export interface SidecarRecipe {
  readonly image: string;
  readonly nameservers: readonly string[];
  /** Variables by which its engine asks registries through a proxy. */
  readonly proxies: Readonly<Record<string, string>>;
}

/** What the host's engine is asked for. */
export function sidecarConfig(
  plan: SidecarPlan,
  options: SidecarRecipe & { readonly privileged: boolean },
): Docker.ContainerCreateOptions {
  const { image, nameservers, proxies, privileged } = options;
  return {
    name: plan.name,
    Image: image,
    Env: [
      `SLIPWAY_FORWARD_PORT=${FORWARD_PORT}`,
      `SLIPWAY_NAMESERVERS=${nameservers.join(' ')}`,
      `SLIPWAY_SOCKET_GROUP=${ownGroup()}`,
      ...linesOf(proxies),
    ],
    Labels: { ...plan.labels, [LABEL_RECIPE]: recipeOf(options) },
    HostConfig: {
      ...(privileged ? { Privileged: true } : SINGLE_RIGHTS),
      NetworkMode: plan.name,
      Binds: [`${plan.directory}:${SHARED_DIRECTORY}`, `${plan.name}:/var/lib/docker`],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
    },
  };
}

/** Whether a container was made as it would be made now. */
export function isMadeSo(labels: Readonly<Record<string, string>>, recipe: SidecarRecipe): boolean {
  return labels[LABEL_RECIPE] === recipeOf(recipe);
}

/** Variables as an engine takes them. */
export function linesOf(variables: Readonly<Record<string, string>>): string[] {
  return Object.entries(variables).map(([name, value]) => `${name}=${value}`);
}

/** What an engine needs where the host's kernel does not give all rights: mounts, control groups and a network. */
export const SINGLE_RIGHTS = {
  CapAdd: ['SYS_ADMIN', 'NET_ADMIN'],
  SecurityOpt: ['seccomp=unconfined', 'apparmor=unconfined'],
};

function recipeOf({ image, nameservers, proxies }: SidecarRecipe): string {
  return hashOf([image, ownGroup(), ...nameservers, ...linesOf(proxies)]);
}

/** By its number: the sidecar's image knows no names of this machine. */
function ownGroup(): number {
  return process.getgid?.() ?? 0;
}

function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, HASH_DIGITS);
}
