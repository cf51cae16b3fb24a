import { pushOption } from '../options.ts';
import type { Session } from '../session.ts';
import { defineVerb } from '../verb.ts';

interface ShellArgs {
  readonly task: string;
  readonly push?: string | undefined;
  readonly 'docker-host'?: string | undefined;
}

export const shellVerb = defineVerb<ShellArgs>({
  command: 'shell <task>',
  describe: 'Join the container of a task that runs, or has failed and is kept, with a shell',
  options: (cli) =>
    cli
      .positional('task', { type: 'string', demandOption: true, describe: 'Its taskId or its label' })
      .option('push', pushOption)
      .option('docker-host', {
        type: 'string',
        requiresArg: true,
        describe: "Engine that it runs in; default: DOCKER_HOST's or this machine's, whichever it is",
      })
      .example('$0 shell unit', 'Of what is checked out')
      .example('echo "ps aux" | $0 shell unit', 'What is piped in, without a terminal')
      .example('$0 shell unit --docker-host unix:///tmp/forwarded.sock', 'On another machine'),
  run: shell,
});

async function shell(args: ShellArgs, session: Session): Promise<number> {
  const [{ withClient }, { joinTask }] = await Promise.all([
    import('../open-client.ts'),
    import('../join-task.ts'),
  ]);
  const { run, ...where } = await withClient(session, async ({ api, connections }) => ({
    run: await api.joinable(await api.resolveTask(args.task, args.push)),
    stackEngine: connections.runnerEngine,
    fleet: connections.fleet,
  }));
  return joinTask(run, { named: args['docker-host'], ...where }, session);
}
