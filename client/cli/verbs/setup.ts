import { startStopwatch } from '../../../model/stopwatch.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

export const setupVerb = defineVerb<object>({
  command: 'setup',
  describe: 'Find, install or build whatever up needs, and start nothing',
  options: (cli) => cli.example('$0 setup', 'Before the machine loses its network'),
  run: (_args, session) => setup(session),
});

async function setup({ terminal, env, signal }: Session): Promise<ExitCode> {
  const [{ setUp }, { renderProgress }, { renderTable }, { formatDuration }, { stateDirectoryToFill }] =
    await Promise.all([
      import('../../../stack/set-up.ts'),
      import('../render/stack-text.ts'),
      import('../render/table.ts'),
      import('../render/quantities.ts'),
      import('../../../workers/connections.ts'),
    ]);
  const took = startStopwatch();
  const tools = await setUp({
    stateDirectory: stateDirectoryToFill(env),
    env,
    signal,
    onProgress: (line) => terminal.note(renderProgress(line)),
  });
  terminal.note(`Everything is there after ${formatDuration(took())}.`);
  const rows = Object.entries(tools).map(([name, path]) => [name, path ?? 'given by the environment']);
  for (const line of renderTable(rows)) terminal.print(line);
  return EXIT.good;
}
