import type { BlobStore } from '../../../model/blob-store.ts';
import { isSlipwayError } from '../../../model/errors.ts';
import type { FoundImages, MissingImage } from '../../find-images.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { LoadedHere } from '../load-into.ts';
import {
  imageOption,
  imageWhat,
  jsonOption,
  projectOption,
  refOption,
  repoOption,
  revOption,
} from '../options.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { defineVerb } from '../verb.ts';

interface ImageLoadArgs {
  readonly what: string;
  readonly image?: string | undefined;
  readonly tag?: string | undefined;
  readonly platform?: string | undefined;
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly json: boolean;
}

const PLATFORM = /^[a-z0-9]+\/[a-z0-9_-]+(\/[a-z0-9.]+)?$/;

export const imageLoadVerb = defineVerb<ImageLoadArgs>({
  command: 'load <what>',
  describe: "Make an image usable in this machine's engine; only the layers that it lacks move",
  options: (cli) =>
    cli
      .positional('what', {
        type: 'string',
        demandOption: true,
        // A lone dash reaches us as nothing.
        coerce: (what: string) => (what === '' ? '-' : what),
        describe: `${imageWhat}; or a tarball (plain, gzip or zstd; - is stdin)`,
      })
      .option('image', { ...imageOption, describe: 'One of a push, or of a tarball, that has several' })
      .option('tag', {
        type: 'string',
        alias: 't',
        requiresArg: true,
        describe: 'Name that it gets in the engine besides its own',
      })
      .option('platform', {
        type: 'string',
        requiresArg: true,
        describe:
          "Of a tarball that has its image for several, for example linux/arm64; default: the engine's",
      })
      .option('repo', repoOption)
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', { ...projectOption, describe: 'Images are those of this project' })
      .option('json', jsonOption)
      .example('$0 image load lint --tag lint:now', 'As the checked-out revision defines it')
      .example('$0 image load task/demo/1/1a2b…/unit', 'The very image that a task ran in')
      .example(
        '$0 image load 1a2b3c4d',
        'All images of a push; those that are not there are named, and it exits with 1',
      )
      .example('$0 image load 1a2b3c4d --image lint', 'One of them')
      .example('$0 image load image.tar.zst', 'From a file, without a server'),
  run: imageLoad,
});

interface Loaded {
  readonly images: readonly LoadedHere[];
  /** Those of a push that cannot be had. */
  readonly missing: readonly MissingImage[];
}

async function imageLoad(args: ImageLoadArgs, session: Session): Promise<ExitCode> {
  const [{ isTarball }, { isReference }] = await Promise.all([
    import('../find-image.ts'),
    import('../../../model/image-reference.ts'),
  ]);
  if (args.tag !== undefined && (!isReference(args.tag) || args.tag.includes('@')))
    throw new UsageError(
      `--tag "${args.tag}" is no name that an engine takes: expected name:tag, as in lint:now`,
    );
  if (await isTarball(args.what)) {
    const { loadTarball } = await import('../load-tarball.ts');
    const { image, tag, platform } = args;
    if (platform !== undefined && !PLATFORM.test(platform))
      throw new UsageError(`--platform ${platform}: expected os/architecture, for example linux/arm64`);
    const loaded = await loadTarball(args.what, { image, tag, platform }, session);
    report({ images: [loaded], missing: [] }, args, session);
    return EXIT.good;
  }
  if (args.platform !== undefined)
    throw new UsageError(`--platform chooses among those of a tarball, and "${args.what}" is none`);
  const loaded = await loadFromStore(args, session);
  report(loaded, args, session);
  return loaded.missing.length === 0 ? EXIT.good : EXIT.unsuccessful;
}

async function loadFromStore(args: ImageLoadArgs, session: Session): Promise<Loaded> {
  const [{ findImages }, { findStore }] = await Promise.all([
    import('../find-image.ts'),
    import('../find-store.ts'),
  ]);
  const found = await findStore(session);
  try {
    const named = await findImages(args.what, args, { found, session });
    const names = [...named.images, ...named.missing].map(({ name }) => name);
    if (args.tag !== undefined && names.length > 1)
      throw new UsageError(
        `"${args.what}" has ${names.length} images (${names.join(', ')}): --tag needs one, choose by --image`,
      );
    return found.store
      ? await loadAll(named, found.store.blobs, args, session)
      : { images: [], missing: named.missing };
  } finally {
    found.store?.close();
  }
}

/** Loads what can be loaded: one image of which parts are missing is no reason to leave the others. */
async function loadAll(
  { images, missing: notThere }: FoundImages,
  blobs: BlobStore,
  { tag }: ImageLoadArgs,
  session: Session,
): Promise<Loaded> {
  const [{ withLocalEngine }, { loadInto }] = await Promise.all([
    import('../local-engine.ts'),
    import('../load-into.ts'),
  ]);
  return withLocalEngine(session, blobs, async (engine) => {
    const loaded: LoadedHere[] = [];
    const missing = [...notThere];
    for (const image of images) {
      try {
        loaded.push(await loadInto(engine, image, { tag, session }));
      } catch (error) {
        if (images.length === 1 || !isSlipwayError(error) || error.type !== 'ImageDamaged') throw error;
        missing.push({ name: image.name, why: error.message });
      }
    }
    return { images: loaded, missing };
  });
}

function report({ images, missing }: Loaded, { json }: ImageLoadArgs, { terminal }: Session): void {
  terminal.status('');
  for (const { why } of missing) terminal.error(`slipway: ${why}`);
  if (json) {
    terminal.print(JSON.stringify({ images, missing }));
    return;
  }
  for (const { reference } of images) terminal.print(reference);
}
