import type { Plan, PlannedImage } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import { lackOfImage } from './describe-lack.ts';

/** An image as it was planned for a push. @throws {NotPlanned} while nobody knows whether the push has it. @throws {NotFound} */
export async function findPlannedImage(
  store: Pick<Store, 'pushes'>,
  pushId: string,
  name: string,
): Promise<{ readonly plan: Plan; readonly image: PlannedImage }> {
  const plan = await store.pushes.findPlan(pushId);
  const image = plan?.images.find((other) => other.name === name);
  if (!plan || !image) throw await lackOfImage(store, pushId, name);
  return { plan, image };
}
