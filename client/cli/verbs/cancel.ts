import type { SlipwayApi } from '../../api.ts';
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
  run: cancel,
});

async function cancel({ name, push }: CancelArgs, session: Session): Promise<ExitCode> {
  const { withClient } = await import('../open-client.ts');
  return withClient(session, async ({ api }) => {
    const id = await resolveName(api, name, push);
    // Temporal takes a request for what has ended, too.
    const asked = !(await isResolvedAlready(api, id)) && (await api.cancel(id));
    session.terminal.print(asked ? `${id} is asked to cancel` : `${id} is resolved already`);
    return EXIT.good;
  });
}

/** What has no record yet has not ended. */
async function isResolvedAlready(api: SlipwayApi, id: string): Promise<boolean> {
  const [{ parseId }, { isSlipwayError }, { isResolved }] = await Promise.all([
    import('../../../model/pure/ids.ts'),
    import('../../../model/errors.ts'),
    import('../../../model/pure/states.ts'),
  ]);
  try {
    return isResolved((await (parseId(id)?.kind === 'push' ? api.read(id) : api.task(id))).state);
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'NotFound') return false;
    throw error;
  }
}

/** A push when one has that name, else a task. @throws {NotFound} */
async function resolveName(api: SlipwayApi, name: string, push: string | undefined): Promise<string> {
  const [{ parseId }, { isSlipwayError, NotFound }] = await Promise.all([
    import('../../../model/pure/ids.ts'),
    import('../../../model/errors.ts'),
  ]);
  const kind = parseId(name)?.kind;
  if (push !== undefined || kind === 'task' || kind === 'image') return api.resolveTask(name, push);
  try {
    return await api.resolvePush(name);
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'NotFound' || kind === 'push') throw error;
    return api.resolveTask(name).catch(() => {
      throw new NotFound(`No push and no task of the newest push is named "${name}"`, { cause: error });
    });
  }
}
