import type { Engine } from '../docker/engine.ts';
import { isSlipwayError } from '../model/errors.ts';
import type { ImageTarRefused } from '../model/errors.ts';
import { TARBALL_NAME } from '../model/pure/tarball-name.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import type { ArtifactRecord } from '../model/schema/records.ts';
import { shorten } from '../model/shorten.ts';
import type { Store } from '../store/store.ts';
import { importTarball, importWholeTarball } from './import-tarball.ts';
import type { Tarball, TarballImports } from './import-tarball.ts';
import type { StepContext } from './step-context.ts';

/** Of all names of images, in a line of a log. */
const NAMES_SHOWN = 300;

/**
 * Imports the tarballs of a run that tasks may be run in: by its push one by one, by others through its routes, each image with all
 * its names. So it happens once, and a lower level, which may not read the artifact, finds the image. What cannot be imported is said
 * and left to whoever wants to run in it: the task that made it did as it was told. It is an error where a task of the plan
 * names it; what only has a route need be no image.
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
  const routed = planned.routes?.length ? artifacts.filter(({ name }) => TARBALL_NAME.test(name)) : [];
  const named = imagesOfTasks(plan, planned);
  if (routed.length + named.length === 0) return;
  const { platform } = await engine.info();
  const place = { domain, level, platform };
  const tarballOf = ({ name, sha256 }: ArtifactRecord): Tarball => {
    return { taskId, run: run.run, path: name, sha256 };
  };
  const told = new Set<string>();
  for (const artifact of routed)
    try {
      const imports = await importWholeTarball(store, tarballOf(artifact), place, context);
      say(textOf(artifact.name, imports));
      told.add(artifact.name);
    } catch (error) {
      context.signal.throwIfAborted();
      if (isSlipwayError(error) && error.type === 'ImageTarRefused')
        say(`${artifact.name} is not imported as an image: ${(error as ImageTarRefused).detail}`);
      else say((error as Error).message, 'error');
    }
  for (const { path, name } of named) {
    const artifact = artifacts.find((other) => other.name === path);
    if (!artifact) continue;
    try {
      const { bytesWritten } = await importTarball(store, { ...tarballOf(artifact), name }, place, context);
      if (bytesWritten !== undefined || !told.has(path))
        say(textOf(path, { names: [], count: 1, bytesWritten }));
    } catch (error) {
      context.signal.throwIfAborted();
      say((error as Error).message, 'error');
    }
  }
}

/** Those that tasks of the push name: many may name one. */
function imagesOfTasks(
  { tasks }: Plan,
  { label }: PlannedTask,
): readonly { readonly path: string; readonly name?: string | undefined }[] {
  const images = tasks.flatMap(({ image }) =>
    image.type === 'task-image' && image.label === label ? [{ path: image.path, name: image.name }] : [],
  );
  return [...new Map(images.map((image) => [JSON.stringify(image), image])).values()];
}

function textOf(path: string, { names, count, bytesWritten }: TarballImports): string {
  const came = bytesWritten === undefined ? 'is known' : `imported, ${bytesWritten} bytes stored`;
  if (count === 1) return `Image ${path} ${came}`;
  const kept = names.filter((those) => those.length > 0);
  const shown = shorten(kept.map((those) => those.join(', ')).join('; '), NAMES_SHOWN);
  const all = kept.length === count ? `${count}` : `${kept.length} of ${count}`;
  return `${all} images of ${path} ${came} (${shown})`;
}
