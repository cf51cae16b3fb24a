import { join, relative } from 'node:path';
import type { Connections } from '../../../model/schema/connections.ts';
import type { PushDocument } from '../../../model/schema/records.ts';
import { statePaths } from '../../../stack/state-directory.ts';
import { readServerConfig } from '../../../workers/server-config.ts';
import { openApi } from '../../temporal-api.ts';
import { SLIPWAY_PROGRAM } from '../own-command.ts';
import { renderProgress, renderStack } from '../render/stack-text.ts';
import { findRunningStack, runStack } from '../run-stack.ts';
import type { Session } from '../session.ts';
import type { DemoRepositories } from './demo-repositories.ts';
import { demoRepositories } from './demo-repositories.ts';
import { configureDemo, ownConfig, refuseOtherDemo } from './demo-config.ts';
import { Narrator } from './narrator.ts';
import { playStory } from './play-story.ts';

export interface DemoOptions extends Session {
  readonly stateDirectory: string;
  /** Ends after the story instead of leaving the stack running. */
  readonly once: boolean;
}

/** Sets everything up, plays the story, and leaves the stack running until Ctrl-C. @throws {ClaimFailed} when something is not as it says. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const { stateDirectory, terminal, signal, once } = options;
  const narrator = new Narrator(terminal);
  narrator.chapter('Set up: Temporal, an S3 store, a Docker Engine, workers');
  const repositories = demoRepositories(stateDirectory);
  const stack = await findOrRun(options, repositories);
  try {
    for (const line of renderStack(stack.connections)) narrator.say(line.trim());
    narrator.happened(stack.isOurs ? 'all of it answers' : 'it runs already');
    await tell(stack.connections, { narrator, repositories, signal, terminal, once });
    if (once || !stack.isOurs) return;
    terminal.print('');
    terminal.print('The stack goes on running; Ctrl-C stops all of it.');
    await untilAborted(signal);
  } finally {
    terminal.note('Stopping…');
    await stack.stop();
  }
}

interface DemoStack {
  readonly connections: Connections;
  readonly isOurs: boolean;
  stop(): Promise<void>;
}

async function findOrRun(options: DemoOptions, repositories: DemoRepositories): Promise<DemoStack> {
  const { stateDirectory, terminal, env, signal } = options;
  const running = await findRunningStack(stateDirectory);
  if (running) {
    await configureDemo(ownConfig(running), repositories);
    return { connections: running, isOurs: false, stop: () => Promise.resolve() };
  }
  const { serverConfig } = statePaths(stateDirectory);
  await refuseOtherDemo(serverConfig, repositories);
  const stack = await runStack({
    stateDirectory,
    // The demo's project is written into a configuration of its own, never into one that somebody keeps elsewhere.
    env: { ...env, SLIPWAY_CONFIG: undefined },
    signal,
    onProgress: (line) => terminal.print(renderProgress(line)),
  });
  await configureDemo(serverConfig, repositories);
  return { connections: stack.connections, isOurs: true, stop: () => stack.stop() };
}

async function tell(
  connections: Connections,
  context: {
    readonly narrator: Narrator;
    readonly repositories: DemoRepositories;
    readonly once: boolean;
  } & Pick<Session, 'signal' | 'terminal'>,
): Promise<void> {
  const { narrator, repositories, signal, terminal, once } = context;
  const api = await openApi(connections, await readServerConfig(connections.serverConfig));
  try {
    const pushes = await playStory({ api, connections, repositories, narrator, signal });
    terminal.print('');
    terminal.print(terminal.paint('bold', 'All of it is so.'));
    for (const { id } of pushes) terminal.print(`   ${api.uiLink(id) ?? id}`);
    if (!once) for (const line of whatNext(connections, repositories, pushes)) terminal.print(line);
  } finally {
    await api.close();
  }
}

function whatNext(
  { stateDirectory }: Connections,
  { work }: DemoRepositories,
  pushes: readonly PushDocument[],
): string[] {
  const program = relative(process.cwd(), SLIPWAY_PROGRAM) || SLIPWAY_PROGRAM;
  const revision = pushes[1]?.revision.slice(0, 10) ?? '';
  return [
    '',
    'What to type next, in another terminal:',
    `   export SLIPWAY_HOME=${stateDirectory}`,
    `   ${program} pushes`,
    `   ${program} status ${revision}`,
    `   ${program} logs report --push ${revision}`,
    `   ${program} plan ${work}`,
    `   (cd ${join(work)} && git commit --allow-empty --message again && git push try)`,
  ];
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const alive = setInterval(() => undefined, 60_000);
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  clearInterval(alive);
}
