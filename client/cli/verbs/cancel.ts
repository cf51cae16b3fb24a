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
    const resolved = await isResolvedAlready(api, id);
    // Temporal takes a request for what has ended, too.
    const asked = resolved !== true && (await api.cancel(id));
    if (!asked && resolved === undefined) {
      const { NotFound } = await import('../../../model/errors.ts');
      throw new NotFound(`No push, task or image ${id}`);
    }
    session.terminal.print(asked ? `${id} is asked to cancel` : `${id} is resolved already`);
    return EXIT.good;
  });
}

/** Undefined when there is no record: it has only just begun, or it never was. */
async function isResolvedAlready(api: SlipwayApi, id: string): Promise<boolean | undefined> {
  const [{ parseId }, { isSlipwayError }, { isResolved }] = await Promise.all([
    import('../../../model/pure/ids.ts'),
    import('../../../model/errors.ts'),
    import('../../../model/pure/states.ts'),
  ]);
  try {
    return isResolved((await (parseId(id)?.kind === 'push' ? api.read(id) : api.task(id))).state);
  } catch (error) {
    if (isSlipwayError(error) && error.type === 'NotFound') return undefined;
    throw error;
  }
}

/** A whole id as it is, since what has only just begun has no record; else a push of that name, else a task. @throws {NotFound} */
async function resolveName(api: SlipwayApi, name: string, push: string | undefined): Promise<string> {
  const [{ parseId }, { isSlipwayError, NotFound }] = await Promise.all([
    import('../../../model/pure/ids.ts'),
    import('../../../model/errors.ts'),
  ]);
  if (parseId(name)) return name;
  if (push !== undefined) return api.resolveTask(name, push);
  try {
    return await api.resolvePush(name);
  } catch (error) {
    if (!isSlipwayError(error) || error.type !== 'NotFound') throw error;
    return api.resolveTask(name).catch(() => {
      throw new NotFound(`No push and no task of the newest push is named "${name}"`, { cause: error });
    });
  }
}
