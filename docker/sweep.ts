import type Docker from 'dockerode';
import { isSlipwayError } from '../model/errors.ts';
import { dockerAt } from './client.ts';
import { isHold } from './caches/cache-volumes.ts';
import { removeById } from './containers/container-network.ts';
import { removeContainer } from './containers/remove-container.ts';
import { inEngine, unlessStatus } from './engine-errors.ts';
import type { Engine } from './engine.ts';
import { removeShellImages } from './kept/sweep-shells.ts';
import { KIND, LABEL } from './labels.ts';
import type { Labelled } from './volumes.ts';

export interface SweepOptions {
  readonly fleet: string;
  /** Whether no run needs it any more. */
  readonly isNobodys: (found: Labelled) => Promise<boolean>;
  /** Whether the caches that a run had are to be removed; default: they are given back. */
  readonly purgesCaches?: (ofRun: Labelled) => Promise<boolean>;
}

/**
 * Removes the task containers of a fleet that are nobody's, with their private engines, networks and volumes whose container somebody
 * else has removed, and gives back, or removes, the caches that their runs had; gives the names of what was removed. What cannot be
 * removed keeps nothing else from it, and is thrown in the end: one error, or an `AggregateError`. Trouble with the store ends it.
 */
export async function sweepContainers(engine: Engine, options: SweepOptions): Promise<readonly string[]> {
  const { fleet, isNobodys } = options;
  const labels = { [LABEL.fleet]: fleet, [LABEL.kind]: KIND.task };
  const containers = await engine.containers.list(labels);
  const names = new Set(containers.map(({ name }) => name));
  const networks = await engine.containers.networks(labels);
  const sweep: Sweep = { isNobodys, removed: [], errors: [] };
  const all = [...containers, ...networks.filter(({ name }) => !names.has(name))];
  await sweepEach(sweep, all, async ({ name }) => {
    await engine.containers.remove(name);
    return name;
  });
  const privateEngines = await engine.privateEngines.list({ [LABEL.fleet]: fleet });
  await sweepEach(sweep, privateEngines, async ({ name }) => {
    await engine.privateEngines.remove(name);
    // The network that it shared with a container which was never made.
    await engine.containers.remove(name);
    return `private engine of ${name}`;
  });
  await engine.kept.sweep().catch((error: unknown) => sweep.errors.push(error));
  const volumes = await engine.containers.volumes(labels);
  await sweepEach(sweep, volumes, (volume) => sweepVolume(engine, labels, volume, options));
  const [error, ...more] = sweep.errors;
  if (more.length > 0) throw new AggregateError(sweep.errors, sweep.errors.map(String).join('\n'));
  if (error !== undefined) throw error;
  return sweep.removed;
}

interface Sweep {
  readonly isNobodys: (found: Labelled) => Promise<boolean>;
  readonly removed: string[];
  readonly errors: unknown[];
}

/** `remove` says what it has removed. */
async function sweepEach(
  { isNobodys, removed, errors }: Sweep,
  found: readonly Labelled[],
  remove: (one: Labelled) => Promise<string | undefined>,
): Promise<void> {
  for (const one of found) {
    try {
      const what = (await isNobodys(one)) ? await remove(one) : undefined;
      if (what !== undefined) removed.push(what);
    } catch (error) {
      // Without a store nothing is known of the others, either.
      if (isSlipwayError(error) && error.type === 'StoreUnavailable') throw error;
      errors.push(error);
    }
  }
}

async function sweepVolume(
  engine: Engine,
  ofTasks: Readonly<Record<string, string>>,
  volume: Labelled,
  { purgesCaches }: SweepOptions,
): Promise<string | undefined> {
  const runOf = ({ labels }: Labelled): string => `${labels[LABEL.task]}#${labels[LABEL.run]}`;
  // A container that has come to be nobody's since is swept first, the next time.
  const containers = await engine.containers.list(ofTasks);
  if (containers.some((container) => runOf(container) === runOf(volume))) return undefined;
  const holder = { task: volume.labels[LABEL.task] ?? '', run: Number(volume.labels[LABEL.run]) };
  if (isHold(volume)) await engine.caches.release(holder, { purge: (await purgesCaches?.(volume)) ?? false });
  else await engine.containers.removeVolume(volume.name);
  return volume.name;
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
    await removeShellImages(docker, filters.label);
    for (const { Id } of await docker.listNetworks({ filters })) await removeById(docker, Id);
    // The data of a private engine is nothing without its task.
    const ofTasks = [...filters.label, `${LABEL.kind}=${KIND.dind}`];
    await removeVolumes(docker, volumes ? filters : { label: ofTasks });
  });
}

async function removeVolumes(docker: Docker, filters: { readonly label: string[] }): Promise<void> {
  const { Volumes: found } = await docker.listVolumes({ filters });
  for (const { Name } of found ?? []) await unlessStatus([404], () => docker.getVolume(Name).remove());
}
