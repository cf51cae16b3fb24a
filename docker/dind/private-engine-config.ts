import type Docker from 'dockerode';
import type { PrivateEngineSpec } from './private-engines.ts';
import { nanoCpus } from '../containers/container-config.ts';
import { KIND, LABEL } from '../labels.ts';
import { linesOf, SHARED_DIRECTORY, SINGLE_RIGHTS } from '../sidecar/sidecar-config.ts';

/** Everything about a private engine that follows from the container it is for. */
export interface PrivateEnginePlan {
  readonly name: string;
  /** Volume of the engine's data. */
  readonly data: string;
  /** Volume in which the filter's socket is: its directory on the engine's host is where the task's container has it from. */
  readonly run: string;
  readonly labels: Record<string, string>;
  readonly networkLabels: Record<string, string>;
}

/** Of the filter, in the volume. */
export const SOCKET = 'docker.sock';
/** What a task finds its engine's published ports under. */
const ALIAS = 'docker';
/** The engine's own threads, beside what the task may have. */
const ENGINE_PIDS = 1024;

export function planPrivateEngine(spec: PrivateEngineSpec, fleet: string): PrivateEnginePlan {
  const [data, run] = volumesOf(spec.container);
  const labels = { ...spec.labels, [LABEL.fleet]: fleet };
  return {
    name: engineNameOf(spec.container),
    data,
    run,
    labels: { ...labels, [LABEL.kind]: KIND.dind, [LABEL.of]: spec.container },
    networkLabels: { ...labels, [LABEL.kind]: KIND.task },
  };
}

export function engineNameOf(container: string): string {
  return `${container}-dind`;
}

export function volumesOf(container: string): readonly [data: string, run: string] {
  return [`${container}-dind-data`, `${container}-dind-run`];
}

/** What the engine of the tasks is asked for. */
export function privateEngineConfig(
  plan: PrivateEnginePlan,
  { container, image, resources: { memoryBytes, cpus, pids } }: PrivateEngineSpec,
  options: {
    readonly nameservers: readonly string[];
    /** Variables by which it asks registries through a proxy. */
    readonly proxies: Readonly<Record<string, string>>;
    readonly privileged: boolean;
    /** Processors of the engine that is asked. */
    readonly cpus: number;
  },
): Docker.ContainerCreateOptions {
  return {
    name: plan.name,
    Image: image,
    Cmd: ['task'],
    Env: [`SLIPWAY_NAMESERVERS=${options.nameservers.join(' ')}`, ...linesOf(options.proxies)],
    Labels: plan.labels,
    HostConfig: {
      ...(options.privileged ? { Privileged: true } : SINGLE_RIGHTS),
      NetworkMode: container,
      Binds: [`${plan.run}:${SHARED_DIRECTORY}`, `${plan.data}:/var/lib/docker`],
      PidsLimit: pids + ENGINE_PIDS,
      ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
      ...(cpus === undefined ? {} : { NanoCpus: nanoCpus(cpus, options.cpus) }),
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
    },
    NetworkingConfig: { EndpointsConfig: { [container]: { Aliases: [ALIAS] } } },
  };
}
