import { commonLayers } from '../../../docker/transport/common-layers.ts';
import type { BlobStore } from '../../../model/blob-store.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import type { FoundImage } from '../../find-images.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
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

interface ImageExportArgs {
  readonly what: string;
  readonly image?: string | undefined;
  readonly output: string;
  readonly zstd: boolean;
  readonly since?: string | undefined;
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly json: boolean;
}

export const imageExportVerb = defineVerb<ImageExportArgs>({
  command: 'export <what>',
  describe: 'Write the tarball of an image, as its public/image.tar is: docker, podman and skopeo load it',
  options: (cli) =>
    cli
      .positional('what', { type: 'string', demandOption: true, describe: imageWhat })
      .option('output', {
        type: 'string',
        alias: 'o',
        default: '-',
        requiresArg: true,
        describe: 'File to write, - for stdout',
      })
      .option('zstd', {
        type: 'boolean',
        default: false,
        describe: 'Compressed, as public/image.tar.zst; docker load reads that from Docker 23 on',
      })
      .option('since', {
        type: 'string',
        requiresArg: true,
        describe:
          'Leave out the layers of this image (named like the other), which must be there when it is loaded',
      })
      .option('image', imageOption)
      .option('repo', repoOption)
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', { ...projectOption, describe: 'Images are those of this project' })
      .option('json', jsonOption)
      .example('$0 image export lint | docker load', 'Into any engine')
      .example('$0 image export lint --zstd -o lint.tar.zst', 'A small file')
      .example('$0 image export lint --since base -o lint.tar', 'Only what lint adds to base'),
  run: imageExport,
});

async function imageExport(args: ImageExportArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const toStdout = args.output === '-';
  if (toStdout && args.json) throw new UsageError('--json prints on stdout: name a file by -o FILE');
  if (toStdout && terminal.printsToTerminal)
    throw new UsageError('A tarball is no text for a terminal: name a file by -o FILE, or pipe it on');
  const [{ findOneImage }, { findStore }] = await Promise.all([
    import('../find-image.ts'),
    import('../find-store.ts'),
  ]);
  const found = await findStore(session);
  try {
    const image = await findOneImage(args.what, args, { found, session });
    const since =
      args.since === undefined
        ? undefined
        : await findOneImage(args.since, { ...args, likely: image.name }, { found, session });
    if (!found.store) return EXIT.infrastructure;
    const sizeBytes = await write(found.store.blobs, { image, since }, args, session);
    await report({ image, since, sizeBytes }, args, session);
    return EXIT.good;
  } finally {
    found.store?.close();
  }
}

interface Exported {
  readonly image: FoundImage;
  readonly since: FoundImage | undefined;
}

async function write(
  blobs: BlobStore,
  { image, since }: Exported,
  { output, zstd }: ImageExportArgs,
  { terminal, signal }: Session,
): Promise<number> {
  const [{ streamImageTar }, { compressTarball }, { saveFile, saveToStdout }, { showTransfer }] =
    await Promise.all([
      import('../../../docker/tarball/image-tar.ts'),
      import('../../../steps/image-tarball.ts'),
      import('../save-file.ts'),
      import('../show-transfer.ts'),
    ]);
  const omit = leftOut({ image, since });
  const onProgress = showTransfer(terminal);
  const tar = streamImageTar(blobs, image.stored, { names: [image.tarName], signal, omit, onProgress });
  const body = zstd ? compressTarball(tar) : tar;
  const written = output === '-' ? saveToStdout(body, { signal }) : saveFile(body, output, { signal });
  return written.finally(() => terminal.status(''));
}

function leftOut({ image, since }: Exported): ReadonlySet<Digest> {
  return commonLayers(image.stored.diffIds, since?.stored.diffIds ?? []);
}

async function report(
  exported: Exported & { readonly sizeBytes: number },
  { output, json, zstd, since: other = '' }: ImageExportArgs,
  { terminal }: Session,
): Promise<void> {
  const { count, formatBytes } = await import('../render/quantities.ts');
  const { image, since, sizeBytes } = exported;
  const omitted = [...leftOut(exported)];
  if (json) {
    const needs = since && omitted.length > 0 ? { reference: since.tarName, diffIds: omitted } : null;
    const { name, tarName: reference, stored } = image;
    const { manifestDigest, configDigest } = stored;
    terminal.print(
      JSON.stringify({ name, reference, manifestDigest, configDigest, file: output, sizeBytes, needs }),
    );
    return;
  }
  terminal.note(
    `${output === '-' ? image.name : output}: ${formatBytes(sizeBytes)}, loads as ${image.tarName}`,
  );
  if (zstd) terminal.note((await import('../render/zstd-readers.ts')).ZSTD_READERS);
  if (!since) return;
  terminal.note(
    omitted.length === 0
      ? `Its lowest layers are not those of ${other}, so everything is in it`
      : `It lacks ${count(omitted.length, 'layer')} of ${new Set(image.stored.diffIds).size}: an engine loads it only where ${since.tarName} is (slipway image load ${other})`,
  );
}
