import type { Engine } from '../../../docker/engine.ts';
import type { LocalImage } from '../../../steps/build-locally.ts';
import type { Store } from '../../../store/store.ts';
import type { InTreeImages } from '../describe-in-tree.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { FoundStore } from '../find-store.ts';
import type { OpenRevision } from '../open-revision.ts';
import {
  enginePlatformOption,
  jsonOption,
  projectOption,
  refOption,
  repoOption,
  revOption,
  worktreeOption,
} from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface ImageBuildArgs {
  readonly name: string[];
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly worktree: boolean;
  readonly rebuild: boolean;
  readonly platform?: string | undefined;
  readonly json: boolean;
}

export const imageBuildVerb = defineVerb<ImageBuildArgs>({
  command: 'build <name..>',
  describe: "Build in-tree images in this machine's engine, as a builder would; nothing is published",
  options: (cli) =>
    cli
      .positional('name', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Names under `images`; parents are built, or taken, first',
      })
      .option('repo', repoOption)
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', {
        ...projectOption,
        describe: 'Images and bases are those recorded for this project',
      })
      .option('worktree', worktreeOption)
      .option('rebuild', {
        type: 'boolean',
        default: false,
        describe: 'Build them although they are in the store or in the engine',
      })
      .option('platform', enginePlatformOption)
      .option('json', jsonOption)
      .example('$0 image build lint', 'Of the checked-out revision; one that CI has built is only loaded')
      .example('$0 image build lint --worktree', 'With what is not committed yet')
      .example('docker run --rm -it $($0 image build lint --quiet)', 'Look around in it'),
  run: imageBuild,
});

async function imageBuild(args: ImageBuildArgs, session: Session): Promise<ExitCode> {
  const [{ openInTree }, { findStore }, { withLocalEngine }, { emptyStore }] = await Promise.all([
    import('../describe-in-tree.ts'),
    import('../find-store.ts'),
    import('../local-engine.ts'),
    import('../../../store/empty-store.ts'),
  ]);
  const opened = await openInTree(args, session);
  const found = await findStore(session);
  const store = found.store ?? emptyStore();
  try {
    return await withLocalEngine(session, store.blobs, (engine) =>
      buildHere(args, { opened, found, store, engine }, session),
    );
  } finally {
    found.store?.close();
  }
}

interface Where {
  readonly opened: OpenRevision;
  readonly found: FoundStore;
  readonly store: Store;
  readonly engine: Engine;
}

async function buildHere(args: ImageBuildArgs, where: Where, session: Session): Promise<ExitCode> {
  const [{ describeOpened }, { platformHere }] = await Promise.all([
    import('../describe-in-tree.ts'),
    import('../platform-of-images.ts'),
  ]);
  const { opened, found, engine } = where;
  const platform = await platformHere(args, engine);
  const described = await describeOpened(opened, { ...args, platform }, { names: args.name, found, session });
  if (!described) return EXIT.usage;
  if (found.why)
    session.terminal.note(`slipway: ${found.why}, so bases are those that the engine has or can pull`);
  const made = await build(args, described, where, session);
  if (!made) return EXIT.unsuccessful;
  await print(made, args, session);
  return EXIT.good;
}

/** Undefined when a Dockerfile failed, which was told then. */
async function build(
  { name: wanted, rebuild, platform }: ImageBuildArgs,
  { opened, owner, images }: InTreeImages,
  { store, engine }: Where,
  session: Session,
): Promise<readonly LocalImage[] | undefined> {
  const { withLocalBuilder } = await import('../with-local-builder.ts');
  const isPlatformAsked = platform !== undefined;
  const building = { engine, store, tree: opened.tree, owner, images, isPlatformAsked };
  return withLocalBuilder(building, session, async (builder) => {
    const made: LocalImage[] = [];
    // Parents come first in `images`, so that one which is to be rebuilt is when its child is.
    for (const { name } of images)
      if (wanted.includes(name)) made.push(await builder.have(name, { rebuild }));
    return made;
  });
}

async function print(
  made: readonly LocalImage[],
  { json, worktree }: ImageBuildArgs,
  { terminal }: Session,
): Promise<void> {
  const { describeLocalImage } = await import('../render/local-image-text.ts');
  if (json) {
    terminal.print(JSON.stringify({ images: made.map((image) => ({ ...image, worktree })) }));
    return;
  }
  for (const image of made) {
    for (const line of describeLocalImage(image, { worktree })) terminal.note(line);
    terminal.print(image.reference);
  }
}
