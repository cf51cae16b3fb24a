import { mapEachOnce } from '../model/concurrently.ts';
import type { Finding } from '../model/findings.ts';
import { IMAGE_TARBALL } from '../model/pure/artifact-names.ts';
import type { Level } from '../model/pure/ids.ts';
import { parseId } from '../model/pure/ids.ts';
import type { PinnedArtifact, PlannedTask, TaskImage } from '../model/schema/plan.ts';
import type { RouteRecord } from '../model/schema/records.ts';
import type { Place, YamlPath } from '../plan/yaml-positions.ts';
import { readableDomains, readableLevels } from '../store/readable-domains.ts';
import { isRefused } from '../store/s3-errors.ts';
import type { Store } from '../store/store.ts';
import { IMAGE_VIEWS } from './image-tarball.ts';

export interface Pinning {
  readonly domain: string;
  readonly level: Level;
  readonly file: string;
  /** Where a path of it stands. */
  readonly position: (path: YamlPath) => Place;
  /** Where a task stands in it. */
  readonly pathOf: (task: PlannedTask) => YamlPath;
}

/** What cannot be had, and the member of what names it that says so. */
export interface Unavailable<M extends string = 'taskId' | 'namespace' | 'path'> {
  readonly member: M;
  readonly message: string;
  readonly hint?: string;
}

export interface PinnedImages {
  readonly tasks: PlannedTask[];
  /** Why images cannot be had, by the labels of their tasks. */
  readonly unavailable: ReadonlyMap<string, string>;
  /** The same where it stands. */
  readonly findings: readonly Finding[];
}

/**
 * Finds the tarballs that tasks take from other pushes, by id or by route, and pins them by digest: what a push runs in is
 * decided once, when it is planned. Without a store they stay open.
 */
export async function pinTaskImages(
  tasks: readonly PlannedTask[],
  store: Store | undefined,
  pinning: Pinning,
): Promise<PinnedImages> {
  const findings: Finding[] = [];
  const unavailable = new Map<string, string>();
  if (!store) return { tasks: [...tasks], unavailable, findings };
  const images = tasks.map(({ image }) => image);
  const foundFor = await mapEachOnce(images, (image) => pin(image, store, pinning));
  const pinned: PlannedTask[] = [];
  for (const task of tasks) {
    const found = foundFor(task.image);
    if (found && 'member' in found) {
      unavailable.set(task.label, found.message);
      findings.push(findingOf(found, pinning, [...pinning.pathOf(task), 'image']));
    } else pinned.push(found ? { ...task, image: { ...task.image, pinned: found } as TaskImage } : task);
  }
  return { tasks: pinned, unavailable, findings };
}

/** The error about what stands at a path and cannot be had. */
export function findingOf(
  { member, ...finding }: Unavailable<string>,
  { file, position }: Pinning,
  path: YamlPath,
): Finding {
  return { severity: 'error', file, ...position([...path, member]), ...finding };
}

async function pin(
  image: TaskImage,
  store: Store,
  pinning: Pinning,
): Promise<PinnedArtifact | Unavailable | undefined> {
  if (image.type === 'indexed-image') return pinRoute(image, store, pinning);
  if (image.type !== 'task-image' || image.taskId === undefined) return undefined;
  const id = parseId(image.taskId);
  if (id?.kind === 'image')
    return IMAGE_VIEWS.has(image.path)
      ? pinBuild({ ...id, taskId: image.taskId }, store, pinning)
      : { member: 'path', message: `an image build has no "${image.path}"`, hint: `write ${IMAGE_TARBALL}` };
  return pinTask(image.taskId, image.path, store, pinning);
}

/** The image of an image build needs no tarball: it is in the store as it is. */
async function pinBuild(
  id: { readonly domain: string; readonly name: string; readonly imageHash: string; readonly taskId: string },
  { index }: Store,
  { domain, level }: Pinning,
): Promise<PinnedArtifact | Unavailable> {
  const found = readableDomains(domain).includes(id.domain) ? await index.find(id, level) : undefined;
  if (!found)
    return { member: 'taskId', message: `no image that this push may read is known as ${id.taskId}` };
  const { taskId, run, manifestDigest, configDigest, diffIds, sizeBytes } = found.entry;
  return { taskId, run, stored: { manifestDigest, configDigest, diffIds, sizeBytes } };
}

async function pinTask(
  taskId: string,
  path: string,
  store: Store,
  { domain, level }: Pinning,
): Promise<PinnedArtifact | Unavailable> {
  const unknown: Unavailable = {
    member: 'taskId',
    message: `no task that this push may read is known as ${taskId}`,
    hint: 'it must be of the same trust domain, at this level or a higher one',
  };
  const id = parseId(taskId);
  if (!id || !readableLevels(level).includes(id.level)) return unknown;
  try {
    const record = await store.tasks.find(taskId);
    const push = record?.pushId === undefined ? undefined : await store.pushes.find(record.pushId);
    if (!record || !push || !readableDomains(domain).includes(push.domain)) return unknown;
    const made = record.runs.findLast(({ artifacts }) => artifacts.some(({ name }) => name === path));
    const sha256 = made?.artifacts.find(({ name }) => name === path)?.sha256;
    if (made && sha256) return { taskId, run: made.run, sha256 };
    const state = record.resolved === undefined ? ', and is not at its end' : '';
    return { member: 'path', message: `task ${taskId} has no artifact "${path}"${state}` };
  } catch (error) {
    // Keys of a level may not read what another one has not shared.
    if (!isRefused(error)) throw error;
    return { ...unknown, hint: 'what a higher level shares is found by its routes' };
  }
}

async function pinRoute(
  { namespace, path }: { readonly namespace: string; readonly path: string },
  { routes }: Store,
  { domain, level }: Pinning,
): Promise<PinnedArtifact | Unavailable> {
  const route = await routes.find(domain, level, namespace);
  if (!route) return { member: 'namespace', ...routeUnknown(namespace) };
  const sha256 = route.artifacts.find(({ name }) => name === path)?.sha256;
  if (!sha256)
    return {
      member: 'path',
      message: `task ${route.taskId}, to which "${namespace}" leads, has no artifact "${path}"`,
      ...whatItHas(route),
    };
  return { taskId: route.taskId, run: route.run, sha256 };
}

/** Words for a route that nothing has left. */
export function routeUnknown(namespace: string): { readonly message: string; readonly hint: string } {
  return {
    message: `no task that this push may read has completed with the route "${namespace}"`,
    hint: `a task gets it by "routes: [${namespace}]", once it has completed`,
  };
}

/** A task may have left thousands of files. */
const MOST_NAMED = 10;

/** Words for what somebody may have meant instead. */
export function whatItHas({ artifacts }: Pick<RouteRecord, 'artifacts'>): { readonly hint?: string } {
  const named = artifacts.slice(0, MOST_NAMED).map(({ name }) => name);
  const more = artifacts.length > named.length ? `, and ${artifacts.length - named.length} more` : '';
  return named.length === 0 ? {} : { hint: `it has ${named.join(', ')}${more}` };
}
