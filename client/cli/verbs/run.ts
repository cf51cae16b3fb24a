import {
  enginePlatformOption,
  projectOption,
  refOption,
  repoOption,
  revOption,
  worktreeOption,
} from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

export interface RunArgs {
  readonly label: string;
  readonly shell: boolean;
  readonly image?: string | undefined;
  readonly rebuild: boolean;
  readonly platform?: string | undefined;
  readonly repo: string;
  readonly rev: string;
  readonly ref?: string | undefined;
  readonly project?: string | undefined;
  readonly worktree: boolean;
}

export const runVerb = defineVerb<RunArgs>({
  command: 'run <label>',
  describe: 'Carry a task out on this machine, as a worker would; needs no server',
  options: (cli) =>
    cli
      .positional('label', { type: 'string', demandOption: true, describe: 'Label of the task' })
      .option('shell', {
        type: 'boolean',
        default: false,
        describe: 'A shell in its container, with everything put in, instead of its command',
      })
      .option('image', {
        type: 'string',
        requiresArg: true,
        describe: 'Another image: one under `images`, else one that the engine has or can pull',
      })
      .option('rebuild', {
        type: 'boolean',
        default: false,
        describe: 'Build its in-tree image although it is there',
      })
      .option('platform', enginePlatformOption)
      .option('repo', repoOption)
      .option('rev', revOption)
      .option('ref', refOption)
      .option('project', { ...projectOption, describe: 'Run as for a push to this project' })
      .option('worktree', worktreeOption)
      .example('$0 run unit', 'The task of the checked-out revision, in the image that CI would use')
      .example('$0 run unit --worktree', 'With what is not committed yet')
      .example('$0 run unit --shell', 'Look around where it would run')
      .example('$0 run unit --platform linux/amd64', 'In the image of a CI on other processors, emulated'),
  run,
});

async function run(args: RunArgs, session: Session): Promise<number> {
  const { runLocally } = await import('../run-locally.ts');
  return runLocally(args, session);
}
