import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface DownArgs {
  readonly purge: boolean;
}

export const downVerb = defineVerb<DownArgs>({
  command: 'down',
  describe: 'Stop everything that up started; nothing is left behind',
  options: (cli) =>
    cli
      .option('purge', {
        type: 'boolean',
        default: false,
        describe: 'Delete the data too: pushes, images, logs',
      })
      .example('$0 down', 'The next up finds all pushes and images again')
      .example('$0 down --purge', 'As if it had never run'),
  run: down,
});

async function down({ purge }: DownArgs, { terminal, env }: Session): Promise<ExitCode> {
  const [{ stopStack }, { findRunningStack }, { stateDirectoryToStop }, { count }] = await Promise.all([
    import('../../../stack/stop-stack.ts'),
    import('../run-stack.ts'),
    import('../../../workers/connections.ts'),
    import('../render/quantities.ts'),
  ]);
  const directory = stateDirectoryToStop(env, { purge });
  // An `up` that is asked to end does so itself, and leaves nothing for us to count.
  const wasRunning = (await findRunningStack(directory)) !== undefined;
  const { processes, containers, trouble, purged } = await stopStack({
    stateDirectory: directory,
    purge,
    env,
  });
  for (const sentence of trouble) terminal.error(`slipway: ${sentence}`);
  const rest = processes.length > 0 ? `ended ${processes.join(', ')}` : 'nothing ran';
  const ended = wasRunning ? 'stopped' : rest;
  const removed = containers > 0 ? `, removed ${count(containers, 'container')}` : '';
  terminal.print(`${directory}: ${ended}${removed}${purged ? ', deleted the data' : ''}`);
  return trouble.length > 0 ? EXIT.infrastructure : EXIT.good;
}
