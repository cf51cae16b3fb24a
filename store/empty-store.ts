import { createStore } from './create-store.ts';
import { createMemoryObjectStore } from './memory-object-store.ts';
import type { Store } from './store.ts';

/** A store in which nothing is, for those who can do without a server. */
export function emptyStore(): Store {
  return createStore(createMemoryObjectStore());
}
