import { createHash } from 'node:crypto';
import { canonicalJson } from './pure/canonical-json.ts';
import type { PushRequest } from './schema/plan.ts';

/** The request with its lists sorted and unique and its empty members gone, so that equal wishes are equal. */
export function normalizeRequest(request: PushRequest): PushRequest {
  const tasks = unique(request.tasks);
  const rebuild = unique(request.rebuild);
  return {
    ...(tasks ? { tasks } : {}),
    ...(rebuild ? { rebuild } : {}),
    ...(request.base ? { base: request.base } : {}),
  };
}

/** The variant part of a push's id: 12 hex digits of what was asked beyond the default, undefined when nothing was. */
export function variantOf(request: PushRequest): string | undefined {
  const normal = normalizeRequest(request);
  if (Object.keys(normal).length === 0) return undefined;
  return createHash('sha256').update(canonicalJson(normal)).digest('hex').slice(0, 12);
}

function unique(list: readonly string[] | undefined): string[] | undefined {
  return list && list.length > 0 ? [...new Set(list)].sort() : undefined;
}
