import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { pushOption } from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface CancelArgs {
  readonly name: string;
  readonly push?: string | undefined;
}

export const cancelVerb = defineVerb<CancelArgs>({
  command: 'cancel <name>',
  describe: 'Cancel a push or one task; containers are gone within seconds',
  options: (cli) =>
    cli
      .positional('name', {
        type: 'string',
        demandOption: true,
        describe: 'A push (id, revision, beginning of it), a taskId, a label or image:NAME',
      })
      .option('push', pushOption)
      .example('$0 cancel 1a2b3c', 'A whole push')
      .example('$0 cancel unit --push 1a2b3c', 'One of its tasks'),
  endsAtOnce: true,
  run: cancel,
});

async function cancel({ name, push }: CancelArgs, session: Session): Promise<ExitCode> {
  const [{ withClient }, { cancelNamed }] = await Promise.all([
    import('../open-client.ts'),
    import('../cancel-named.ts'),
  ]);
  return withClient(session, async ({ api }) => {
    session.terminal.print(await cancelNamed(api, name, push));
    return EXIT.good;
  });
}
