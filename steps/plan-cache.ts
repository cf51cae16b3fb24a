import { getHeapStatistics } from 'node:v8';
import { InternalError } from '../model/errors.ts';
import type { Plan, PlannedImage, PlannedTask } from '../model/schema/plan.ts';
import { MAX_PLAN_CHARACTERS, countCharacters } from '../plan/plan-size.ts';
import type { Store } from '../store/store.ts';

interface CachedPlan {
  readonly plan: Plan;
  readonly tasks: ReadonlyMap<string, PlannedTask>;
  readonly images: ReadonlyMap<string, PlannedImage>;
}

export interface PlanCacheLimits {
  readonly plans: number;
  /** Of all plans together. The one that was used last is held, whatever it has. */
  readonly characters: number;
}

/** Several of the largest where there is memory for them: pushes that take turns would read theirs with each step. */
const LIMITS: PlanCacheLimits = {
  plans: 256,
  characters: Math.max(MAX_PLAN_CHARACTERS, getHeapStatistics().heap_size_limit / 16),
};

/** Plans are immutable for one (push, planned at), so that a worker reads each only once while it needs it. */
export class PlanCache {
  readonly #store: Store;
  readonly #limits: PlanCacheLimits;
  /** Last used last, so that the first one is the one to forget. */
  readonly #plans = new Map<string, Promise<CachedPlan>>();
  /** Of those that have been read. */
  readonly #characters = new Map<string, number>();

  constructor(store: Store, limits = LIMITS) {
    this.#store = store;
    this.#limits = limits;
  }

  /** A plan that is in no store. */
  hold(plan: Plan): void {
    const key = keyOf(plan.pushId, plan.plannedAt);
    this.#plans.set(key, Promise.resolve(cachedOf(plan)));
    this.#measure(key, plan);
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
    const cached = this.#plans.get(key) ?? this.#read(pushId, plannedAt);
    this.#plans.delete(key);
    this.#plans.set(key, cached);
    this.#forgetOldest();
    return cached;
  }

  async #read(pushId: string, plannedAt: string): Promise<CachedPlan> {
    const key = keyOf(pushId, plannedAt);
    try {
      const plan = await this.#store.pushes.findPlan(pushId, plannedAt);
      if (!plan) throw new InternalError(`Push ${pushId} has no plan of ${plannedAt} in the store`);
      this.#measure(key, plan);
      return cachedOf(plan);
    } catch (error) {
      this.#plans.delete(key);
      throw error;
    }
  }

  #measure(key: string, plan: Plan): void {
    // It may have been forgotten while it was read.
    if (this.#plans.has(key)) this.#characters.set(key, countCharacters(plan));
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    let characters = [...this.#characters.values()].reduce((sum, each) => sum + each, 0);
    for (const key of this.#plans.keys()) {
      const isTooMuch = this.#plans.size > this.#limits.plans || characters > this.#limits.characters;
      if (!isTooMuch || this.#plans.size === 1) return;
      characters -= this.#characters.get(key) ?? 0;
      this.#plans.delete(key);
      this.#characters.delete(key);
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
