import type { KnownRoutes } from '../store/routes.ts';
import type { Store } from '../store/store.ts';

/** A store for one plan: each record of a route is read once, and all that is found by it is what one task has left. */
export function readRoutesOnce(store: Store): Store {
  const { routes } = store;
  const known: KnownRoutes = new Map();
  return {
    ...store,
    routes: {
      ...routes,
      find: (domain, level, namespace, options) =>
        routes.find(domain, level, namespace, { ...options, known }),
    },
  };
}
