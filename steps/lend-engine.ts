import type { Engine } from '../docker/engine.ts';

/**
 * Lends the builder's engine of a trust domain, made on demand; one per domain and level, kept while it is lent. The work
 * is given a signal of its own, which is also aborted when the engine stops to answer.
 */
export type LendEngine = <T>(
  domain: string,
  signal: AbortSignal,
  work: (engine: Engine, signal: AbortSignal) => Promise<T>,
) => Promise<T>;
