import { ImageUnavailable } from '../model/errors.ts';
import { parseId, taskIdIn } from '../model/pure/ids.ts';
import type { Plan, StoredImage, TaskImage } from '../model/schema/plan.ts';
import type { Store } from '../store/store.ts';
import type { Tarball } from './import-tarball.ts';
import { newestEnded, ofRound } from './run-of-round.ts';

export type TarballImage = Extract<TaskImage, { type: 'task-image' | 'indexed-image' }>;

/**
 * What a task runs in that names a tarball: the one that was pinned when its push was planned, or the one that a task of
 * its own push has left in this round.
 * @throws {ImageUnavailable} when there is none.
 */
export async function findTaskTarball(
  store: Store,
  image: TarballImage,
  plan: Pick<Plan, 'pushId' | 'plannedAt'>,
): Promise<Tarball | { readonly stored: StoredImage }> {
  const { path, name, pinned } = image;
  if (pinned) {
    const { taskId, run, sha256, stored } = pinned;
    if (stored) return { stored };
    if (sha256 !== undefined) return { taskId, run, path, sha256, name };
  }
  const label = image.type === 'task-image' ? image.label : undefined;
  if (label === undefined) throw new ImageUnavailable(path, 'its push was planned without a store');
  const taskId = taskIdIn(plan.pushId, label);
  const made = newestEnded(ofRound(await store.tasks.find(taskId), plan));
  const sha256 = made?.artifacts.find(({ name: other }) => other === path)?.sha256;
  if (!made || !sha256) throw new ImageUnavailable(path, `task ${taskId} has left no such artifact`);
  return { taskId, run: made.run, path, sha256, name };
}

/** The tarball in words, with the task that has left it where that is known from the plan. */
export function whereFrom({ path, pinned }: TarballImage): string {
  return pinned ? `${path} of ${pinned.taskId}` : path;
}

/** What a person does about what a build of another push has made and the store has no more; undefined of other tarballs. */
export function howBuiltAgain({ pinned }: TarballImage): string | undefined {
  const build = parseId(pinned?.taskId ?? '');
  if (build?.kind !== 'image') return undefined;
  return `Have it built again (slipway push --rebuild ${build.name}), then open a new round of this push (--again)`;
}
