import { rm, stat } from 'node:fs/promises';
import type Docker from 'dockerode';
import type { Level } from '../../model/pure/ids.ts';
import { dockerAt } from '../client.ts';
import { removeUnusedNetwork } from '../containers/container-network.ts';
import { inEngine, statusCodeOf, unlessStatus } from '../engine-errors.ts';
import { KIND, LABEL, labelFilter } from '../labels.ts';
import { listVolumes, removeVolume, timeOf } from '../volumes.ts';
import { planSidecar } from './sidecar-config.ts';

export interface IdleSidecar {
  readonly domain: string;
  /** Which builder of the machine it belongs to. */
  readonly seat: number;
  /** When it ran last, as far as anything tells, in milliseconds since 1970. */
  readonly lastUsedMs: number;
  readonly hasNetwork: boolean;
  /** Gives its network back, which it gets again when it is started. No error when somebody uses it. */
  removeNetwork(): Promise<void>;
  /** Removes all that is left of it; gives whether that is gone: not when it was started meanwhile. */
  remove(): Promise<boolean>;
}

export interface SidecarsOfLevel {
  /** Address of the engine that the sidecars are containers of. */
  readonly host: string;
  readonly fleet: string;
  readonly level: Level;
  readonly runtimeDirectory: string;
}

/** Something of a sidecar in the engine of its host. */
interface Part {
  readonly what: 'container' | 'network' | 'volume';
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** When it was made or used; infinite: it is in use. */
  readonly usedMs: number;
}

/** The sidecars of a fleet and level that do not run, but have left something in an engine: their data, at most. @throws {EngineUnavailable} */
export async function idleSidecars(where: SidecarsOfLevel): Promise<readonly IdleSidecar[]> {
  const docker = dockerAt(where.host);
  const parts = await inEngine({ address: where.host, doing: 'list what sidecars have left' }, () =>
    partsOf(docker, where),
  );
  const names = new Set(parts.map(({ name }) => name));
  const found = await Promise.all(
    [...names].map((name) =>
      idleSidecar(
        docker,
        where,
        parts.filter((part) => part.name === name),
      ),
    ),
  );
  return found.filter(({ lastUsedMs }) => lastUsedMs < Infinity);
}

/** Containers last: one that is started meanwhile is seen to run. */
async function partsOf(docker: Docker, { fleet, level }: SidecarsOfLevel): Promise<readonly Part[]> {
  const labels = { [LABEL.fleet]: fleet, [LABEL.kind]: KIND.sidecar, [LABEL.level]: String(level) };
  const filters = { label: labelFilter(labels) };
  const volumes = await listVolumes(docker, labels);
  const networks = await docker.listNetworks({ filters });
  const containers = await docker.listContainers({ all: true, filters });
  return [
    ...volumes.map(({ name, labels: own, createdMs = 0 }) => ({
      what: 'volume' as const,
      id: name,
      name,
      labels: own,
      usedMs: createdMs,
    })),
    ...networks.map(({ Id, Name, Labels, Created }) => ({
      what: 'network' as const,
      id: Id,
      name: Name,
      labels: Labels ?? {},
      usedMs: timeOf(Created) ?? 0,
    })),
    ...(await Promise.all(
      containers.map(async ({ Id, Names, Labels }) => ({
        what: 'container' as const,
        id: Id,
        name: (Names[0] ?? '').replace(/^\//, ''),
        labels: Labels,
        usedMs: await lastRan(docker.getContainer(Id)),
      })),
    )),
  ];
}

/** One that is gone since it was listed counts as in use: somebody is about to make it anew, or to remove the rest of it. */
async function lastRan(container: Docker.Container): Promise<number> {
  const found = await unlessStatus([404], () => container.inspect());
  if (!found || found.State.Running) return Infinity;
  const { Created, State } = found;
  return Math.max(...[Created, State.StartedAt, State.FinishedAt].map((time) => timeOf(time) ?? 0));
}

async function idleSidecar(
  docker: Docker,
  { host, fleet, level, runtimeDirectory }: SidecarsOfLevel,
  parts: readonly Part[],
): Promise<IdleSidecar> {
  const [{ name, labels } = { name: '', labels: {} as Part['labels'] }] = parts;
  const [domain, seat] = [labels[LABEL.domain] ?? '', Number(labels[LABEL.seat] ?? 0)];
  const plan = planSidecar({ host, fleet, domain, level, seat, runtimeDirectory });
  // Of a builder that calls the engine otherwise it is unknown where its sockets are.
  const directory = plan.name === name ? plan.directory : undefined;
  const ask = <T>(doing: string, request: () => Promise<T>): Promise<T> =>
    inEngine({ address: host, doing: `${doing} sidecar ${name}` }, request);
  return {
    domain,
    seat,
    lastUsedMs: Math.max(...parts.map(({ usedMs }) => usedMs), await lastSocket(directory)),
    hasNetwork: parts.some(({ what }) => what === 'network'),
    removeNetwork: () => ask('remove the network of', () => removeUnusedNetwork(docker, name)),
    remove: () =>
      ask('remove', async () => {
        for (const { id } of parts.filter(({ what }) => what === 'container'))
          if (!(await removeStopped(docker.getContainer(id)))) return false;
        await removeUnusedNetwork(docker, name);
        for (const { id } of parts.filter(({ what }) => what === 'volume'))
          if (!(await removeVolume(docker, id))) return false;
        if (directory !== undefined) await rm(directory, { recursive: true, force: true });
        return true;
      }),
  };
}

/**
 * An engine makes its socket when it starts and removes it when it ends. It alone tells of the use of a volume whose container somebody
 * has pruned.
 */
async function lastSocket(directory: string | undefined): Promise<number> {
  if (directory === undefined) return 0;
  return stat(directory).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}

/** Without force: whoever starts it meanwhile keeps it (409). */
async function removeStopped(container: Docker.Container): Promise<boolean> {
  try {
    await unlessStatus([404], () => container.remove({ v: true }));
    return true;
  } catch (error) {
    if (statusCodeOf(error) === 409) return false;
    throw error;
  }
}
