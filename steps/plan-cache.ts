import { InternalError } from '../model/errors.ts';
import type { Plan, PlannedImage, PlannedTask } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';

interface CachedPlan {
  readonly plan: Plan;
  readonly tasks: ReadonlyMap<string, PlannedTask>;
  readonly images: ReadonlyMap<string, PlannedImage>;
}

/** Plans are immutable for one (push, planned at), so that a worker reads each only once while it needs it. */
export class PlanCache {
  readonly #store: Store;
  readonly #plans = new Map<string, Promise<CachedPlan>>();
  readonly #size: number;

  constructor(store: Store, size = 16) {
    this.#store = store;
    this.#size = size;
  }

  /** A plan that is in no store. */
  hold(plan: Plan): void {
    this.#plans.set(keyOf(plan.pushId, plan.plannedAt), Promise.resolve(cachedOf(plan)));
  }

  async plan(pushId: string, plannedAt: string): Promise<Plan> {
    return (await this.#get(pushId, plannedAt)).plan;
  }

  async task(pushId: string, plannedAt: string, label: string): Promise<PlannedTask> {
    const task = (await this.#get(pushId, plannedAt)).tasks.get(label);
    if (!task) throw new InternalError(`The plan of ${pushId} has no task "${label}"`);
    return task;
  }

  async image(pushId: string, plannedAt: string, name: string): Promise<PlannedImage> {
    const image = (await this.#get(pushId, plannedAt)).images.get(name);
    if (!image) throw new InternalError(`The plan of ${pushId} has no image "${name}"`);
    return image;
  }

  #get(pushId: string, plannedAt: string): Promise<CachedPlan> {
    const key = keyOf(pushId, plannedAt);
    const cached = this.#plans.get(key) ?? this.#read(pushId, key);
    // Last used last, so that the first one of the map is the one to forget.
    this.#plans.delete(key);
    this.#plans.set(key, cached);
    if (this.#plans.size > this.#size)
      for (const oldest of [...this.#plans.keys()].slice(0, 1)) this.#plans.delete(oldest);
    return cached;
  }

  async #read(pushId: string, key: string): Promise<CachedPlan> {
    try {
      const plan = await this.#store.pushes.findPlan(pushId);
      if (!plan) throw new InternalError(`Push ${pushId} has no plan in the store`);
      return cachedOf(plan);
    } catch (error) {
      this.#plans.delete(key);
      throw error;
    }
  }
}

function keyOf(pushId: string, plannedAt: string): string {
  return `${pushId}@${plannedAt}`;
}

function cachedOf(plan: Plan): CachedPlan {
  return {
    plan,
    tasks: new Map(plan.tasks.map((task) => [task.label, task])),
    images: new Map(plan.images.map((image) => [image.name, image])),
  };
}
