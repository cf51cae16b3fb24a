import type { WorkerOptions } from '@temporalio/worker';
import type { Parts } from './parts.ts';

/** Where the workers of a process are, and what they are called there: in histories, in Temporal's pages, by doctor. */
export function knownAs({
  connections,
  worker,
  version,
}: Pick<Parts, 'connections' | 'worker' | 'version'>): Pick<
  WorkerOptions,
  'namespace' | 'identity' | 'buildId'
> {
  const { namespace } = connections.temporal;
  // Without one the SDK makes a name of its own.
  return { namespace, identity: worker, ...(version === undefined ? {} : { buildId: version }) };
}
