import { NAMESPACE_MAX_LENGTH, NAMESPACE_PATTERN, parseId } from '../model/pure/ids.ts';
import type { DraftTask } from './draft.ts';
import type { FindingList } from './finding-list.ts';
import { shorten } from '../model/shorten.ts';

const MAX_ROUTES = 64;

export const NAMESPACE_HINT =
  'write words of letters, digits, "_" and "-", joined by ".", such as my.images.latest';

/** Checks the names under which later pushes find a task. */
export function checkRoutes(task: DraftTask, list: FindingList): void {
  const routes = task.merged.routes ?? [];
  const seen = new Set<string>();
  for (const [index, route] of routes.entries()) {
    const path = task.path('routes', index);
    const mistake = namespaceMistake(route);
    if (mistake) list.error(path, mistake, { hint: NAMESPACE_HINT });
    else if (seen.has(route))
      list.warning(path, `route "${shorten(route)}" is named twice`, { hint: 'once is enough' });
    seen.add(route);
  }
  if (routes.length > MAX_ROUTES)
    list.error(task.path('routes'), `a task has at most ${MAX_ROUTES} routes`, { at: 'key' });
}

/** What is wrong with a namespace, or undefined. */
export function namespaceMistake(namespace: string): string | undefined {
  if (namespace.length <= NAMESPACE_MAX_LENGTH && NAMESPACE_PATTERN.test(namespace)) return undefined;
  return `"${shorten(namespace)}" is no namespace`;
}

/** Whether an id is of something that has artifacts. */
export function isArtifactOwner(taskId: string): boolean {
  const kind = parseId(taskId)?.kind;
  return kind === 'task' || kind === 'image';
}
