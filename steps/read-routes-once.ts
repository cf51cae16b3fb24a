import type { Store } from '../store/store.ts';

/** A store for one plan: each route is looked up once, and all tasks that name it are given what one task has left. */
export function readRoutesOnce(store: Store): Store {
  const routes = new Map<string, ReturnType<Store['routes']['find']>>();
  return {
    ...store,
    routes: {
      ...store.routes,
      find(...wanted) {
        const key = JSON.stringify(wanted);
        const found = routes.get(key) ?? store.routes.find(...wanted);
        routes.set(key, found);
        return found;
      },
    },
  };
}
