import { basename } from 'node:path';
import { isSlipwayError } from '../../../model/errors.ts';
import type { Download, SlipwayApi } from '../../api.ts';
import type { DirectoryOfTask } from '../download-directory.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { pushOption, runOption, wholeNumber } from '../options.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
import { defineVerb } from '../verb.ts';

interface DownloadArgs {
  readonly task: string;
  readonly name: string;
  readonly output?: string | undefined;
  readonly push?: string | undefined;
  readonly run?: number | undefined;
}

export const downloadVerb = defineVerb<DownloadArgs>({
  command: 'download <task> <name>',
  describe:
    'Fetch an artifact, or all files of a directory; public/image.tar of an image is made for docker load',
  options: (cli) =>
    cli
      .positional('task', {
        type: 'string',
        demandOption: true,
        describe: 'Its taskId, its label, or image:NAME',
      })
      .positional('name', {
        type: 'string',
        demandOption: true,
        describe: 'The name of the artifact, or of a directory of them',
      })
      .option('output', {
        type: 'string',
        alias: 'o',
        requiresArg: true,
        describe: 'File or directory to write, - for stdout; default: the last part of the name',
      })
      .option('push', pushOption)
      .option('run', runOption)
      .example('$0 download image:lint public/image.tar -o - | docker load', 'An image, into an engine')
      .example('$0 download compile public/build.tar', 'Written to build.tar')
      .example(
        '$0 download compile public/site -o site',
        'Every file below public/site, into a new directory',
      ),
  run: download,
});

async function download(args: DownloadArgs, session: Session): Promise<ExitCode> {
  const { terminal, signal } = session;
  const run = args.run === undefined ? {} : { run: wholeNumber('run', args.run, 0) };
  const output = args.output ?? basename(args.name);
  const [
    { withClient },
    { saveFile, saveToStdout },
    { formatBytes },
    { tellingDamage },
    { untilInterrupted },
  ] = await Promise.all([
    import('../open-client.ts'),
    import('../save-file.ts'),
    import('../render/quantities.ts'),
    import('../telling-damage.ts'),
    import('../interruption.ts'),
  ]);
  return withClient(session, async ({ api }) => {
    // What is written hears the signal and is put away; questions to a store that keeps silent do not hear it.
    const { taskId, found, directory } = await untilInterrupted(find(args, { api, run, signal }), signal);
    if (directory) return saveDirectory(api, directory, { output, session });
    const { body, sizeBytes, executable, isEmptyDirectory } = found;
    if (isEmptyDirectory) {
      body.destroy();
      if (output === '-')
        throw new UsageError(`${args.name} is an empty directory: there is nothing to write`);
      const { mkdir } = await import('node:fs/promises');
      await mkdir(output, { recursive: true });
      terminal.note(`${output}: an empty directory`);
      return EXIT.good;
    }
    const whole = sizeBytes === undefined ? '' : ` of ${formatBytes(sizeBytes)}`;
    let shown = 0;
    const onBytes = (bytes: number): void => {
      if (Date.now() - shown < 200) return;
      shown = Date.now();
      terminal.status(`${formatBytes(bytes)}${whole}`);
    };
    const options = { sizeBytes, executable, onBytes, signal };
    const bytes = await tellingDamage({ taskId, name: args.name }, () =>
      output === '-' ? saveToStdout(body, options) : saveFile(body, output, options),
    );
    terminal.status('');
    if (output !== '-') terminal.note(`${output}: ${formatBytes(bytes)}`);
    return EXIT.good;
  });
}

type Found = { readonly taskId: string } & (
  | { readonly found: Download; readonly directory?: undefined }
  | { readonly found?: undefined; readonly directory: DirectoryOfTask }
);

async function find(
  { task, name, push }: DownloadArgs,
  {
    api,
    run,
    signal,
  }: { readonly api: SlipwayApi; readonly run: { readonly run?: number }; readonly signal: AbortSignal },
): Promise<Found> {
  const taskId = await api.resolveTask(task, push);
  try {
    return { taskId, found: await api.download(taskId, name, { ...run, signal }) };
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'NotFound') throw error;
    const { findDirectory } = await import('../download-directory.ts');
    const directory = await findDirectory(api, taskId, { name, ...run });
    if (!directory) throw error;
    return { taskId, directory };
  }
}

async function saveDirectory(
  api: SlipwayApi,
  directory: DirectoryOfTask,
  { output, session: { terminal, signal } }: { readonly output: string; readonly session: Session },
): Promise<ExitCode> {
  const { name, files } = directory;
  const count = files.length === 1 ? '1 file' : `${files.length} files`;
  if (output === '-')
    throw new UsageError(`${name} is a directory of ${count}: name a directory to write, with -o DIR`);
  const [{ downloadDirectory }, { formatBytes }] = await Promise.all([
    import('../download-directory.ts'),
    import('../render/quantities.ts'),
  ]);
  const onFile = (done: number): void => terminal.status(`${done} of ${count}`);
  const bytes = await downloadDirectory(api, directory, { output, onFile, signal });
  terminal.status('');
  terminal.note(`${output}: ${count}, ${formatBytes(bytes)}`);
  return EXIT.good;
}
