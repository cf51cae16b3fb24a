import type { BlobStore } from '../../../model/blob-store.ts';
import type { FoundImage } from '../../find-images.ts';
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
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly json: boolean;
}

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
      .option('repo', repoOption)
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', { ...projectOption, describe: 'Images are those of this project' })
      .option('json', jsonOption)
      .example('$0 image load lint --tag lint:now', 'As the checked-out revision defines it')
      .example('$0 image load task/demo/1/1a2b…/unit', 'The very image that a task ran in')
      .example('$0 image load 1a2b3c4d --image lint', 'Of a push')
      .example('$0 image load image.tar.zst', 'From a file, without a server'),
  run: imageLoad,
});

async function imageLoad(args: ImageLoadArgs, session: Session): Promise<ExitCode> {
  const { isTarball } = await import('../find-image.ts');
  if (await isTarball(args.what)) {
    const { loadTarball } = await import('../load-tarball.ts');
    const { image, tag } = args;
    await report([await loadTarball(args.what, { image, tag }, session)], args, session);
    return EXIT.good;
  }
  await report(await loadFromStore(args, session), args, session);
  return EXIT.good;
}

async function loadFromStore(args: ImageLoadArgs, session: Session): Promise<readonly LoadedHere[]> {
  const [{ findImages }, { findStore }] = await Promise.all([
    import('../find-image.ts'),
    import('../find-store.ts'),
  ]);
  const found = await findStore(session);
  try {
    const images = await findImages(args.what, args, { found, session });
    if (args.tag !== undefined && images.length > 1)
      throw new UsageError(
        `"${args.what}" has ${images.length} images (${images.map(({ name }) => name).join(', ')}): --tag needs one, choose by --image`,
      );
    return found.store ? await loadAll(images, found.store.blobs, args, session) : [];
  } finally {
    found.store?.close();
  }
}

async function loadAll(
  images: readonly FoundImage[],
  blobs: BlobStore,
  { tag }: ImageLoadArgs,
  session: Session,
): Promise<readonly LoadedHere[]> {
  const [{ withLocalEngine }, { loadInto }] = await Promise.all([
    import('../local-engine.ts'),
    import('../load-into.ts'),
  ]);
  return withLocalEngine(session, blobs, async (engine) => {
    const loaded: LoadedHere[] = [];
    for (const image of images) loaded.push(await loadInto(engine, image, { tag, session }));
    return loaded;
  });
}

async function report(
  images: readonly LoadedHere[],
  { json }: ImageLoadArgs,
  { terminal }: Session,
): Promise<void> {
  terminal.status('');
  if (json) {
    terminal.print(JSON.stringify({ images }));
    return;
  }
  for (const { reference } of images) terminal.print(reference);
}
