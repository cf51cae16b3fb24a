import type { ExitCode } from '../exit-codes.ts';
import { jsonOption } from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface WatchArgs {
  readonly push: string | undefined;
  readonly json: boolean;
}

export const watchVerb = defineVerb<WatchArgs>({
  command: 'watch [push]',
  describe: 'Show what happens in a push until its verdict; the exit code is the verdict',
  options: (cli) =>
    cli
      .positional('push', {
        type: 'string',
        describe:
          'Its id, its revision or an unambiguous beginning of it; default: the newest of what is checked out, else the newest',
      })
      .option('json', jsonOption)
      .example('$0 watch 1a2b3c', 'By the beginning of its revision')
      .example('$0 watch push/demo/3/1a2b3c4d… --json', 'One JSON document at the end, for programs'),
  endsAtOnce: true,
  run: watch,
});

async function watch({ push, json }: WatchArgs, session: Session): Promise<ExitCode> {
  const [{ withClient }, { watchPush }] = await Promise.all([
    import('../open-client.ts'),
    import('../watch-push.ts'),
  ]);
  return withClient(session, async ({ api }) =>
    watchPush(api, await api.resolvePush(push), { ...session, json }),
  );
}
