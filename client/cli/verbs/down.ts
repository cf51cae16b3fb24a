import { existsSync } from 'node:fs';
import { quoteWord } from '../../quote-word.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { Session } from '../session.ts';
import { UsageError } from '../usage-error.ts';
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
  const [
    { stopStack },
    { findRunningStack },
    { foreignDirectory, stateDirectory, stateDirectoryToStop },
    { describeForeign },
    { count },
  ] = await Promise.all([
    import('../../../stack/stop-stack.ts'),
    import('../run-stack.ts'),
    import('../../../workers/connections.ts'),
    import('../../../workers/foreign-directory.ts'),
    import('../render/quantities.ts'),
  ]);
  const directory = stateDirectoryToStop(env, { purge });
  const wasThere = existsSync(directory);
  if (!wasThere) expectNoOther(directory, stateDirectory(env));
  // An `up` that is asked to end does so itself, and leaves nothing for us to count.
  const wasRunning = (await findRunningStack(directory)) !== undefined;
  const { processes, containers, trouble, purged } = await stopStack({
    stateDirectory: directory,
    purge,
    env,
  });
  for (const sentence of trouble) terminal.error(`slipway: ${sentence}`);
  const nothing = wasThere ? 'nothing ran' : 'nothing is there';
  const rest = processes.length > 0 ? `ended ${processes.join(', ')}` : nothing;
  const ended = wasRunning ? 'stopped' : rest;
  const removed = containers > 0 ? `, removed ${count(containers, 'container')}` : '';
  const deleted = purged && wasThere ? ', deleted the data' : '';
  terminal.print(`${directory}: ${ended}${removed}${deleted}`);
  const foreign = wasThere ? undefined : foreignDirectory(env);
  if (foreign) terminal.note(`slipway: ${describeForeign(foreign)}, who alone stops a stack there`);
  return trouble.length > 0 ? EXIT.infrastructure : EXIT.good;
}

/** Whoever purges where nothing is may mean the stack that answers here, whose data is deleted only where it is named. @throws {UsageError} */
function expectNoOther(own: string, answering: string): void {
  if (answering === own) return;
  throw new UsageError(
    `no state lies in ${own}; the stack that answers here is in ${answering}: SLIPWAY_HOME=${quoteWord(answering)} slipway down --purge`,
  );
}
