import { IMAGE_TARBALL_ZST } from '../../../model/pure/artifact-names.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonOption, pushOption } from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface ArtifactsArgs {
  readonly task: string;
  readonly push?: string | undefined;
  readonly json: boolean;
}

export const artifactsVerb = defineVerb<ArtifactsArgs>({
  command: 'artifacts <task>',
  describe: 'List what a task or image build left behind',
  options: (cli) =>
    cli
      .positional('task', {
        type: 'string',
        demandOption: true,
        describe: 'Its taskId, its label, or image:NAME',
      })
      .option('push', pushOption)
      .option('json', jsonOption)
      .example('$0 artifacts compile', 'Of what is checked out')
      .example('$0 artifacts image:lint --push 1a2b3c --json', 'Of an image, for programs'),
  endsAtOnce: true,
  run: artifacts,
});

async function artifacts({ task, push, json }: ArtifactsArgs, session: Session): Promise<ExitCode> {
  const { terminal } = session;
  const { withClient } = await import('../open-client.ts');
  const listed = await withClient(session, async ({ api }) =>
    api.artifacts(await api.resolveTask(task, push)),
  );
  if (json) {
    terminal.print(JSON.stringify(listed));
    return EXIT.good;
  }
  if (listed.length === 0) terminal.note('slipway: there is no artifact');
  const { renderArtifacts } = await import('../render/artifact-text.ts');
  for (const line of renderArtifacts(listed)) terminal.print(line);
  if (listed.some(({ name }) => name === IMAGE_TARBALL_ZST))
    terminal.note((await import('../render/zstd-readers.ts')).ZSTD_READERS);
  return EXIT.good;
}
