import type { LocalImage } from '../../../steps/build-locally.ts';
import type { InTreeImages } from '../describe-in-tree.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { FoundStore } from '../find-store.ts';
import { jsonOption, projectOption, refOption, repoOption, revOption, worktreeOption } from '../options.ts';
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
      .option('json', jsonOption)
      .example('$0 image build lint', 'Of the checked-out revision; one that CI has built is only loaded')
      .example('$0 image build lint --worktree', 'With what is not committed yet')
      .example('docker run --rm -it $($0 image build lint --quiet)', 'Look around in it'),
  run: imageBuild,
});

async function imageBuild(args: ImageBuildArgs, session: Session): Promise<ExitCode> {
  const [{ describeInTree }, { findStore }, { hostPlatform }] = await Promise.all([
    import('../describe-in-tree.ts'),
    import('../find-store.ts'),
    import('../../../workers/host-platform.ts'),
  ]);
  const { terminal } = session;
  const found = await findStore(session);
  try {
    const here = { ...args, platform: hostPlatform() };
    const described = await describeInTree(here, args.name, found, session);
    if (!described) return EXIT.usage;
    if (found.why) terminal.note(`slipway: ${found.why}, so bases are those that the engine has or can pull`);
    const made = await build(args, described, found, session);
    if (!made) return EXIT.unsuccessful;
    await print(made, args, session);
    return EXIT.good;
  } finally {
    found.store?.close();
  }
}

/** Undefined when a Dockerfile failed, which was told then. */
async function build(
  { name: wanted, rebuild }: ImageBuildArgs,
  { opened, owner, images }: InTreeImages,
  found: FoundStore,
  session: Session,
): Promise<readonly LocalImage[] | undefined> {
  const [{ withLocalBuilder }, { withLocalEngine }, { emptyStore }] = await Promise.all([
    import('../with-local-builder.ts'),
    import('../local-engine.ts'),
    import('../../../store/empty-store.ts'),
  ]);
  const store = found.store ?? emptyStore();
  return withLocalEngine(session, store.blobs, (engine) =>
    withLocalBuilder({ engine, store, tree: opened.tree, owner, images }, session, async (builder) => {
      const made: LocalImage[] = [];
      // Parents come first in `images`, so that one which is to be rebuilt is when its child is.
      for (const { name } of images)
        if (wanted.includes(name)) made.push(await builder.have(name, { rebuild }));
      return made;
    }),
  );
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
