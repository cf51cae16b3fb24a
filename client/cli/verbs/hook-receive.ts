import { hostname } from 'node:os';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

export const hookReceiveVerb = defineVerb<object>({
  command: 'receive',
  describe: 'What the installed hook calls: reads refs from standard input, never refuses',
  options: (cli) =>
    cli.example('echo "$OLD $NEW refs/heads/main" | $0 hook receive', 'In the repository, as git calls it'),
  run: (_args, session) => hookReceive(session),
});

async function hookReceive({ terminal, env, signal }: Session): Promise<ExitCode> {
  const [
    { describeTrouble, receive },
    { isBranch, parseReceiveLines },
    { parsePushOptions },
    { splitPatterns },
    consumers,
  ] = await Promise.all([
    import('../../hooks/receive.ts'),
    import('../../hooks/receive-lines.ts'),
    import('../../hooks/push-options.ts'),
    import('../options.ts'),
    import('node:stream/consumers'),
  ]);
  const say = (line: string): void => terminal.print(line === '' ? line : `slipway: ${line}`);
  const refs = parseReceiveLines(await consumers.text(process.stdin));
  const options = parsePushOptions(env, (list) => splitPatterns(list) ?? []);
  if (options.skip) {
    say('no push is started: skip was asked for');
    return EXIT.good;
  }
  // As sshd and `git http-backend` say it; who pushes on this machine needs no name of it.
  const host = env.SSH_CONNECTION || env.REMOTE_ADDR ? hostname() : undefined;
  let repository: string | undefined;
  try {
    const [{ findLocalRepository }, { pushedBy }, { DECISION_PATIENCE_MS }, { withClient }] =
      await Promise.all([
        import('../../local-repository.ts'),
        import('../../pushed-by.ts'),
        import('../../wait-for-decision.ts'),
        import('../open-client.ts'),
      ]);
    const found = await findLocalRepository(env.GIT_DIR ?? '.');
    repository = found.repository;
    await withClient({ env }, ({ api }) =>
      receive(api, {
        repository: found.repository,
        refs,
        options,
        pushedBy: pushedBy(env),
        host,
        patienceMs: DECISION_PATIENCE_MS,
        signal,
        say,
        sayAside: (line) => terminal.error(`slipway: ${line}`),
      }),
    );
  } catch (error) {
    const missed =
      repository === undefined ? undefined : { repository, host, options, branches: refs.filter(isBranch) };
    for (const line of describeTrouble(error, missed)) say(line);
  }
  return EXIT.good;
}
