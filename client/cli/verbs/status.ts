import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonOption } from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface StatusArgs {
  readonly push: string | undefined;
  readonly json: boolean;
}

export const statusVerb = defineVerb<StatusArgs>({
  command: 'status [push]',
  describe: 'Show how a push stands: its images, its tasks, and why some did not succeed',
  options: (cli) =>
    cli
      .positional('push', {
        type: 'string',
        describe:
          'Its id, its revision or an unambiguous beginning of it; default: the newest of what is checked out, else the newest',
      })
      .option('json', jsonOption)
      .example('$0 status 1a2b3c', 'By the beginning of its revision')
      .example('$0 status 1a2b3c --json', 'The whole document, for programs'),
  endsAtOnce: true,
  run: status,
});

async function status({ push, json }: StatusArgs, session: Session): Promise<ExitCode> {
  const { terminal, signal } = session;
  const { withClient } = await import('../open-client.ts');
  return withClient(session, async ({ api }) => {
    const document = await api.read(await api.resolvePush(push));
    if (json) {
      terminal.print(JSON.stringify(document));
      return EXIT.good;
    }
    const [{ findTrouble }, { findHeldUp, findPlanning, findWaits }, { renderPush }] = await Promise.all([
      import('../find-trouble.ts'),
      import('../find-waits.ts'),
      import('../render/push-text.ts'),
    ]);
    const [waits, heldUp, planning] = await Promise.all([
      findWaits(api, document),
      findHeldUp(api, document),
      findPlanning(api, document),
    ]);
    const trouble = await findTrouble(api, document, { signal });
    const url = api.uiLink(document.id);
    const options = { paint: terminal.paint, nowMs: Date.now(), url, trouble, waits, heldUp, planning };
    for (const line of renderPush(document, options)) terminal.print(line);
    return EXIT.good;
  });
}
