import type { Engine } from '../docker/engine.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import type { Store } from '../store/store.ts';
import { importTarball } from './import-tarball.ts';
import type { StepContext } from './step-context.ts';

/**
 * Imports the tarballs of a run that tasks will be run in: of its push by name, of others by its routes. So it happens once,
 * and a lower level, which may not read the artifact, finds the image. What cannot be imported is said and left to whoever
 * wants to run in it: the task that made it did as it was told.
 */
export async function importSavedTarballs(
  store: Store,
  run: {
    readonly taskId: string;
    readonly run: number;
    readonly plan: Plan;
    readonly planned: PlannedTask;
    readonly engine: Pick<Engine, 'info'>;
    readonly artifacts: readonly ArtifactRecord[];
  },
  context: StepContext,
  say: (line: string, kind?: 'info' | 'error') => void,
): Promise<void> {
  const { plan, planned, artifacts, taskId, engine } = run;
  const { domain, level } = plan;
  const wanted = wantedImages(plan, planned, artifacts);
  if (wanted.length === 0) return;
  const { platform } = await engine.info();
  for (const { path, name } of wanted) {
    const artifact = artifacts.find((other) => other.name === path);
    if (!artifact) continue;
    const tarball = { taskId, run: run.run, path, sha256: artifact.sha256, name };
    try {
      const { bytesWritten } = await importTarball(store, tarball, { domain, level, platform }, context);
      say(
        `Image ${path} ${bytesWritten === undefined ? 'is known' : `imported, ${bytesWritten} bytes stored`}`,
      );
    } catch (error) {
      context.signal.throwIfAborted();
      say((error as Error).message, 'error');
    }
  }
}

function wantedImages(
  { tasks }: Plan,
  { label, routes = [] }: PlannedTask,
  artifacts: readonly ArtifactRecord[],
): readonly { readonly path: string; readonly name?: string | undefined }[] {
  const byTasks = tasks.flatMap(({ image }) =>
    image.type === 'task-image' && image.label === label ? [{ path: image.path, name: image.name }] : [],
  );
  const byRoutes =
    routes.length === 0
      ? []
      : artifacts.filter(({ name }) => isTarball(name)).map(({ name }) => ({ path: name }));
  const unique = new Map([...byRoutes, ...byTasks].map((image) => [JSON.stringify(image), image]));
  return [...unique.values()];
}

/** As slipway.yml takes the path of an image. */
function isTarball(name: string): boolean {
  return /\.tar(\.gz|\.zst)?$/.test(name);
}
