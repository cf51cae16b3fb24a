import { basename } from 'node:path';
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
  describe: 'Fetch an artifact; public/image.tar of an image is made for docker load',
  options: (cli) =>
    cli
      .positional('task', {
        type: 'string',
        demandOption: true,
        describe: 'Its taskId, its label, or image:NAME',
      })
      .positional('name', { type: 'string', demandOption: true, describe: 'The name of the artifact' })
      .option('output', {
        type: 'string',
        alias: 'o',
        requiresArg: true,
        describe: 'File to write, - for stdout; default: the last part of the name',
      })
      .option('push', pushOption)
      .option('run', runOption)
      .example('$0 download image:lint public/image.tar -o - | docker load', 'An image, into an engine')
      .example('$0 download compile public/build.tar', 'Written to build.tar'),
  endsAtOnce: true,
  run: download,
});

async function download(args: DownloadArgs, session: Session): Promise<ExitCode> {
  const { terminal, signal } = session;
  const run = args.run === undefined ? {} : { run: wholeNumber('run', args.run, 0) };
  const output = args.output ?? basename(args.name);
  const [{ withClient }, { saveFile, saveToStdout }, { formatBytes }] = await Promise.all([
    import('../open-client.ts'),
    import('../save-file.ts'),
    import('../render/quantities.ts'),
  ]);
  return withClient(session, async ({ api }) => {
    const taskId = await api.resolveTask(args.task, args.push);
    const { body, sizeBytes, executable, isEmptyDirectory } = await api.download(taskId, args.name, {
      ...run,
      signal,
    });
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
    const bytes = output === '-' ? await saveToStdout(body, options) : await saveFile(body, output, options);
    terminal.status('');
    if (output !== '-') terminal.note(`${output}: ${formatBytes(bytes)}`);
    return EXIT.good;
  });
}
