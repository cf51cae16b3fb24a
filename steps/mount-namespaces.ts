import { createHash } from 'node:crypto';
import type { Engine } from '../docker/engine.ts';
import { canonicalJson } from '../model/pure/canonical-json.ts';
import type { Level } from '../model/pure/ids.ts';

/**
 * Gives what an engine knows the namespace of cache mounts by, from what their author wrote. A sidecar has one trust domain and level, and
 * takes it as it is. In an engine that may build for several each has namespaces of its own, so that none finds what another has
 * left in a mount. The store keeps mounts by what was written, whichever engine they come from.
 */
export function namespacesIn(
  { isShared }: Pick<Engine, 'isShared'>,
  { domain, level }: { readonly domain: string; readonly level: Level },
): (written: string | undefined) => string | undefined {
  if (!isShared) return (written) => written;
  // A hash has no slash, which BuildKit puts between it and the id: no namespace and id of one read as those of another.
  return (written = '') =>
    createHash('sha256')
      .update(canonicalJson({ domain, level, namespace: written }))
      .digest('hex');
}
