import type Docker from 'dockerode';
import { removeContainer } from '../containers/remove-container.ts';
import { unlessStatus } from '../engine-errors.ts';
import { isKept } from '../kept/kept-name.ts';
import { KIND, LABEL, labelFilter } from '../labels.ts';

export interface RemovedKept {
  readonly what: 'container';
  readonly id: string;
  readonly names: readonly string[];
  /** What it had written. */
  readonly bytes: number;
  /** When it was made. */
  readonly lastUsedMs: number;
}

/** Removes the container that is kept for longest of those whose runs failed; undefined when an engine has none. */
export async function removeOldestKept(docker: Docker): Promise<RemovedKept | undefined> {
  const filters = { label: labelFilter({ [LABEL.kind]: KIND.task }) };
  const kept = (await docker.listContainers({ all: true, filters })).filter(isKept);
  const [oldest] = kept.sort((one, other) => one.Created - other.Created);
  if (!oldest) return undefined;
  const container = docker.getContainer(oldest.Id);
  const found = (await unlessStatus([404], () => container.inspect({ size: true } as object))) as
    { readonly SizeRw?: number } | undefined;
  await removeContainer(container);
  return {
    what: 'container',
    id: oldest.Id,
    names: oldest.Names.map((name) => name.slice(1)),
    bytes: found?.SizeRw ?? 0,
    lastUsedMs: oldest.Created * 1000,
  };
}
