import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface HookInstallArgs {
  readonly repo: string;
}

export const hookInstallVerb = defineVerb<HookInstallArgs>({
  command: 'install <repo>',
  describe: 'Make a git repository tell Slipway about every branch that is pushed to it',
  options: (cli) =>
    cli
      .positional('repo', {
        type: 'string',
        demandOption: true,
        describe: 'Directory of the repository, bare or not',
      })
      .example('$0 hook install /srv/git/demo.git', 'Then every git push to it starts a push')
      .example(
        'git push -o tasks=unit,lint origin',
        'What a pusher can say then; also rebuild=IMAGE, again, hold, project=NAME',
      ),
  run: hookInstall,
});

async function hookInstall({ repo }: HookInstallArgs, { terminal, env }: Session): Promise<ExitCode> {
  const [{ installHook }, { hasStack, stateDirectory }, { SLIPWAY_PROGRAM }] = await Promise.all([
    import('../../hooks/install.ts'),
    import('../../../workers/connections.ts'),
    import('../own-command.ts'),
  ]);
  const directory = stateDirectory(env);
  const { path, changed } = await installHook(repo, { program: SLIPWAY_PROGRAM, stateDirectory: directory });
  terminal.print(changed ? `${path} is written` : `${path} was there already`);
  if (hasStack(directory) || env.TEMPORAL_ADDRESS) terminal.note(`It reaches the stack of ${directory}.`);
  else
    terminal.error(
      `slipway: no stack runs in ${directory}: until one does, the hook starts nothing. Type: slipway up, or install it again with SLIPWAY_HOME set to the directory where one runs`,
    );
  return EXIT.good;
}
