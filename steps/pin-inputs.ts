import { mapEachOnce } from '../model/concurrently.ts';
import type { Finding } from '../model/findings.ts';
import { levelOf } from '../model/pure/ids.ts';
import type { PlannedInput, PlannedTask } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import type { Pinning, Unavailable } from './pin-task-images.ts';
import { isPartOf } from './input-files.ts';
import { findingOf, routeUnknown, whatItHas } from './pin-task-images.ts';

type RoutedInput = Extract<PlannedInput, { readonly namespace: string }>;

/**
 * Finds what tasks take from other pushes by route, and pins it by digest: what a task is given is decided once, when its push is
 * planned. Without a store it stays open, and an optional one that is not there too.
 */
export async function pinInputs(
  tasks: readonly PlannedTask[],
  store: Store | undefined,
  pinning: Pinning,
): Promise<{ readonly tasks: PlannedTask[]; readonly findings: readonly Finding[] }> {
  const findings: Finding[] = [];
  if (!store) return { tasks: [...tasks], findings };
  const all = tasks.flatMap(({ inputs }) => Object.values(inputs)).filter(isRouted);
  // Tasks have what was found in common: the files of a directory may be thousands.
  const foundFor = await mapEachOnce(all, (input) => pin(input, store, pinning));
  const pinned: PlannedTask[] = [];
  for (const task of tasks) {
    const inputs: Record<string, PlannedInput> = {};
    for (const [path, input] of Object.entries(task.inputs)) {
      const found = isRouted(input) ? foundFor(input) : input;
      if (!('member' in found)) inputs[path] = found;
      else if (input.optional) inputs[path] = input;
      else findings.push(findingOf(found, pinning, [...pinning.pathOf(task), 'inputs', path]));
    }
    pinned.push({ ...task, inputs });
  }
  return { tasks: pinned, findings };
}

function isRouted(input: PlannedInput): input is RoutedInput {
  return 'namespace' in input;
}

async function pin(
  input: RoutedInput,
  { routes }: Store,
  { domain, level }: Pinning,
): Promise<RoutedInput | Unavailable<'namespace' | 'artifact'>> {
  const { namespace, artifact } = input;
  const route = await routes.find(domain, level, namespace, { ownFirst: true });
  if (!route) return { member: 'namespace', ...routeUnknown(namespace) };
  const { taskId, run } = route;
  if (levelOf(taskId) !== level)
    return {
      member: 'namespace',
      message: `"${namespace}" leads to ${taskId}, of level ${levelOf(taskId)}: of a higher level images are shared, and files are not`,
      hint: `let a task of level ${level} make it, or run in an image that has it`,
    };
  const files = route.artifacts.filter(({ name }) => isPartOf(name, artifact));
  if (files.length > 0) return { ...input, pinned: { taskId, run, files } };
  return {
    member: 'artifact',
    message: `task ${taskId}, to which "${namespace}" leads, has no artifact "${artifact}"`,
    ...whatItHas(route),
  };
}
