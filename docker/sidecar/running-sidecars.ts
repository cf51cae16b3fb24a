import { dockerAt } from '../client.ts';
import { inEngine } from '../engine-errors.ts';
import { KIND, LABEL } from '../labels.ts';
import { ENGINE_SOCKET, SHARED_DIRECTORY } from './sidecar-config.ts';
import { stopSidecar } from './sidecar.ts';

export interface RunningSidecar {
  readonly domain: string;
  /** Which builder of the machine it belongs to. */
  readonly seat: number;
  /** Of its engine. */
  readonly address: string;
  /** Ends its engine and gives its network back; its data stays. */
  stop(): Promise<void>;
}

/** The sidecars of a fleet and level that run in an engine. @throws {EngineUnavailable} */
export async function runningSidecars(
  host: string,
  { fleet, level }: { readonly fleet: string; readonly level: number },
): Promise<readonly RunningSidecar[]> {
  const docker = dockerAt(host);
  const label = [`${LABEL.fleet}=${fleet}`, `${LABEL.kind}=${KIND.sidecar}`, `${LABEL.level}=${level}`];
  const found = await inEngine({ address: host, doing: 'list sidecars' }, () =>
    docker.listContainers({ filters: { label } }),
  );
  return found.map(({ Names, Labels, Mounts }) => ({
    domain: Labels[LABEL.domain] ?? '',
    seat: Number(Labels[LABEL.seat] ?? 0),
    address: `unix://${Mounts.find(({ Destination }) => Destination === SHARED_DIRECTORY)?.Source ?? ''}/${ENGINE_SOCKET}`,
    stop: () =>
      inEngine({ address: host, doing: 'stop a sidecar' }, () =>
        stopSidecar(docker, { name: (Names[0] ?? '').replace(/^\//, '') }),
      ),
  }));
}
