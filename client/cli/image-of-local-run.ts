import type { Engine } from '../../docker/engine.ts';
import type { TaskImage } from '../../model/schema/plan.ts';
import { parseSlipwayYml } from '../../plan/parse-slipway-yml.ts';
import { CONFIG_FILE, readConfigFile } from '../../steps/config-file.ts';
import { formatFinding } from '../../model/findings.ts';
import { describeImagesOf } from './describe-in-tree.ts';
import { platformHere } from './platform-of-images.ts';
import { describeLocalImage } from './render/local-image-text.ts';
import type { LocalRun } from './run-locally.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';
import { withLocalBuilder } from './with-local-builder.ts';

type ForRun = LocalRun & { readonly engine: Engine };

/**
 * The image that a task is run in here, as the step that loads it understands it: an in-tree one is in the engine then, under
 * the name of its hash. Undefined when it could not be built, which was told then.
 */
export async function imageOfLocalRun(run: ForRun, session: Session): Promise<TaskImage | undefined> {
  const { args, planned } = run;
  const image = args.image === undefined ? planned.task.image : await otherImage(args.image, run, session);
  if (image.type === 'in-tree') return bringInTree(image.name, run, session);
  const unfit = args.rebuild ? '--rebuild' : args.platform === undefined ? undefined : '--platform';
  if (unfit !== undefined)
    throw new UsageError(`${unfit} is for images of the tree; this task runs in another one`);
  if (image.type !== 'task-image' || image.pinned !== undefined || image.label === undefined) return image;
  // Made by a task of the same push: it is found as an input is.
  const [made] = await planned.findInput(planned.plan, { task: image.label, artifact: image.path });
  if (!made) return image;
  return { ...image, pinned: { taskId: made.taskId, run: made.run, sha256: made.record.sha256 } };
}

async function otherImage(
  name: string,
  { opened, planned }: ForRun,
  { signal }: Session,
): Promise<TaskImage> {
  const { config } = parseSlipwayYml(await readConfigFile(opened.tree, signal), {
    file: CONFIG_FILE,
    printed: planned.printed,
  });
  return { type: config?.images[name] === undefined ? 'docker-image' : 'in-tree', name };
}

async function bringInTree(
  name: string,
  { args, opened, found, planned, store, engine }: ForRun,
  session: Session,
): Promise<TaskImage | undefined> {
  const { terminal } = session;
  const { plan: owner, printed } = planned;
  const platform = await platformHere(args, engine);
  const described = { found, owner, printed, platform };
  const { images, findings } = await describeImagesOf(opened, [name], described, session);
  const mistakes = findings.filter(({ severity }) => severity === 'error');
  if (mistakes.length > 0) throw new UsageError(mistakes.map(formatFinding).join('\n'));
  const made = await withLocalBuilder(
    { engine, store, tree: opened.tree, owner, images, isPlatformAsked: args.platform !== undefined },
    session,
    async (builder) => {
      const image = await builder.have(name, { rebuild: args.rebuild });
      for (const line of describeLocalImage(image, { worktree: args.worktree })) terminal.note(line);
      return image;
    },
  );
  return made && { type: 'docker-image', name: made.reference };
}
