import type { Connections } from '../../../model/schema/connections.ts';
import type { StackProgress } from '../../../stack/stack-options.ts';
import { formatDuration } from './quantities.ts';
import { renderTable } from './table.ts';

/** One line about a part that is being set up. */
export function renderProgress({ part, state, message, elapsedMs }: StackProgress): string {
  const marks = { start: '…', note: '·', done: '✓', failed: '✗' } as const;
  const time = state === 'done' && elapsedMs >= 100 ? ` (${formatDuration(elapsedMs)})` : '';
  return `  ${marks[state]} ${part}: ${message}${time}`;
}

/** What runs where. */
export function renderStack({
  temporal,
  store,
  runnerEngine,
  builderEngine,
  serverConfig,
  stateDirectory,
}: Connections): string[] {
  return renderTable([
    ['Temporal', temporal.address],
    ...(temporal.uiUrl === undefined ? [] : [['Temporal UI', temporal.uiUrl]]),
    ['Store', `${store.endpoint ?? 'S3'}, bucket ${store.bucket}`],
    ['Engine of the tasks', runnerEngine],
    ['Engine of the builds', builderEngine ?? 'a sidecar in the engine of the tasks, made when it is needed'],
    ['Who is what', serverConfig],
    ['State', stateDirectory],
  ]).map((line) => `  ${line}`);
}
