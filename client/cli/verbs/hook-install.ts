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
        'What a pusher can say then; also rebuild=IMAGE, again, hold, skip, project=NAME',
      ),
  run: hookInstall,
});

async function hookInstall({ repo }: HookInstallArgs, { terminal, env }: Session): Promise<ExitCode> {
  const [
    { installHook },
    { foreignDirectory, hasStack, namesInstallation, stateDirectory },
    { describeForeign, foreignStack },
    { SLIPWAY_PROGRAM },
  ] = await Promise.all([
    import('../../hooks/install.ts'),
    import('../../../workers/connections.ts'),
    import('../../../workers/foreign-directory.ts'),
    import('../own-command.ts'),
  ]);
  const directory = stateDirectory(env);
  const { path, changed } = await installHook(repo, { program: SLIPWAY_PROGRAM, stateDirectory: directory });
  terminal.print(changed ? `${path} is written` : `${path} was there already`);
  const foreign = foreignDirectory(env);
  if (hasStack(directory)) {
    terminal.note(`It reaches the stack of ${directory}.`);
    const receiver = await otherOwner(repo, directory);
    if (receiver)
      terminal.error(
        `slipway: a push runs as who receives it, as a rule whose the repository is (${receiver}), and ${directory} is another user's alone: see "A hook" in docs/operate.md`,
      );
  } else if (foreign === directory) terminal.error(`slipway: ${foreignStack(directory).message}`);
  else if (namesInstallation(env))
    terminal.note(
      'It reaches what TEMPORAL_ADDRESS and SLIPWAY_S3_BUCKET name, if whoever receives a push has these variables: see "A hook" in docs/operate.md.',
    );
  else
    terminal.error(
      `slipway: ${foreign ? `${describeForeign(foreign)}, and ` : ''}no stack runs in ${directory}: until one does, the hook starts nothing. Type: slipway up, or install it again with SLIPWAY_HOME set to the directory where one runs`,
    );
  return EXIT.good;
}

/** Whose a repository is, if neither theirs whose the state is nor root's, who may read everything. */
async function otherOwner(repo: string, stateDirectory: string): Promise<string | undefined> {
  const [{ stat }, { findLocalRepository }, { nameOf }] = await Promise.all([
    import('node:fs/promises'),
    import('../../local-repository.ts'),
    import('../../../workers/foreign-directory.ts'),
  ]);
  const { directory } = await findLocalRepository(repo);
  const [{ uid }, state] = await Promise.all([stat(directory), stat(stateDirectory)]);
  return uid === 0 || uid === state.uid ? undefined : nameOf(uid);
}
