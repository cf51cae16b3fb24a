import type { PushDocument } from '../../model/schema/records.ts';
import { docker, liveConnections, until } from './live-stack.ts';
import type { WorkerProcess } from './live-stack.ts';
import type { World, WorldWorkerOptions } from './world.ts';

/** At this rate 4 MB take long enough to be met on their way. */
const SLOW = { bytesPerSecond: 80_000 };
const BIG = 4_000_000;
export const LINES = 45;

const big = (path: string): string => `head -c ${BIG} /dev/urandom > ${path} && cksum < ${path}`;
const task = (command: string, fields: object = {}): object => ({
  image: 'debian:bookworm',
  checkout: false,
  command,
  ...fields,
});

const SLIPWAY_YML = {
  version: 1,
  images: { big: { context: 'docker' } },
  tasks: {
    source: task(big('/big'), { artifacts: { 'public/big': { type: 'file', path: '/big' } } }),
    // Time to slow the store down before the others begin.
    gate: task('sleep 6', { dependencies: ['source'] }),
    load: task('cksum < /big', { image: { 'in-tree': 'big' }, dependencies: ['gate'] }),
    inputs: task('cksum < /in/big', {
      dependencies: ['gate', 'source'],
      inputs: { '/in/big': { task: 'source', artifact: 'public/big' } },
    }),
    run: task(`i=0; while [ $i -lt ${LINES} ]; do echo "line $i"; i=$((i+1)); sleep 1; done`, {
      dependencies: ['gate'],
    }),
    save: task(big('/out'), {
      dependencies: ['gate'],
      artifacts: { 'public/out': { type: 'file', path: '/out' } },
    }),
  },
};

/** A push of four tasks that one worker carries out, each in another phase of its run. */
export interface FourPhases {
  readonly pushId: string;
  readonly runner: WorkerProcess;
  taskId(label: string): string;
}

/** Connections of a worker that reaches the store directly, whatever its proxy does. */
export async function directStore(world: World): Promise<Pick<WorldWorkerOptions, 'connections'>> {
  const { store } = await liveConnections();
  return { connections: { store: { ...store, bucket: world.connections.store.bucket } } };
}

/** Starts them in a world with a proxy in front of the store, and waits until each is in its phase. */
export async function reachFourPhases(world: World): Promise<FourPhases> {
  await world.startWorker(1, ['control', 'builder'], await directStore(world));
  const runner = await world.startWorker(1, ['runner'], { arguments: ['--capacity', '8'] });
  const repository = await world.createRepository();
  const revision = await repository.commit({
    'slipway.yml': SLIPWAY_YML,
    'docker/Dockerfile': `FROM debian:bookworm\nRUN ${big('/big')}\n`,
  });
  const pushId = await world.start(repository, revision);
  const taskId = (label: string): string => `${pushId.replace('push/', 'task/')}/${label}`;
  await until(async () => (await stateOf(world, 'gate')) === 'running');
  world.proxy('store').slow(SLOW);
  await until(async () => {
    const [load, inputs, run, save] = await Promise.all(
      ['load', 'inputs', 'run', 'save'].map((label) => activityOf(world, taskId(label))),
    );
    return (
      load?.type === 'loadImage' &&
      inputs?.type === 'runContainer' &&
      (await stateOf(world, 'inputs')) === 'created' &&
      run?.type === 'runContainer' &&
      (await world.log(taskId('run'))).includes('\nline 2\n') &&
      save?.type === 'saveArtifacts'
    );
  });
  return { pushId, runner, taskId };
}

export interface PendingActivity {
  readonly type: string;
  readonly attempt: number;
  readonly worker: string;
}

/** The activity that a task's workflow waits for, and who has it or had it last. */
export async function activityOf(world: World, taskId: string): Promise<PendingActivity | undefined> {
  const description = await world.temporal.workflow
    .getHandle(taskId)
    .describe()
    .catch(() => undefined);
  const pending = description?.raw.pendingActivities?.[0];
  if (!pending) return undefined;
  return {
    type: pending.activityType?.name ?? '',
    attempt: pending.attempt ?? 0,
    worker: pending.lastWorkerIdentity ?? '',
  };
}

/** What the engine says about the container of a task. */
export async function stateOf(world: World, label: string): Promise<string | undefined> {
  // Not by inspecting it: that waits while somebody puts files into it.
  const filters = ['--filter', `label=slipway.fleet=${world.fleet}`];
  const listed = await docker('ps', '--all', ...filters, '--format', '{{.Names}} {{.State}}');
  return listed
    .split('\n')
    .find((line) => line.includes(`-${label} `))
    ?.split(' ')[1];
}

/** Whether something went twice or is lost after all of them have ended. */
export async function lookAtFourPhases(
  world: World,
  { taskId }: FourPhases,
  document: PushDocument,
): Promise<Readonly<Record<string, unknown>>> {
  const log = (label: string): Promise<string> => world.log(taskId(label));
  const sums = async (label: string): Promise<readonly string[]> =>
    (await log(label)).split('\n').filter((line) => /^\d+ \d+$/.test(line));
  const sizeOf = async (label: string, name: string): Promise<number> =>
    (await world.artifact(taskId(label), name)).byteLength;
  return {
    runs: Object.fromEntries(
      document.tasks.map(({ label, runs }) => [
        label,
        runs.map(({ run, reason }) => `${run} ${reason ?? ''}`),
      ]),
    ),
    linesInOrder: (await log('run')).split('\n').filter((line) => line.startsWith('line ')),
    inputIsWhole: (await sums('inputs')).join() === (await sums('source')).join(),
    sumsOf: { load: (await sums('load')).length, save: (await sums('save')).length },
    saved: await sizeOf('save', 'public/out'),
    kept: (await world.live.api.artifacts(taskId('save'))).map(({ name }) => name).sort(),
    containers: await world.containers(),
    networks: (await world.networks()).filter((name) => /-(load|inputs|run|save|source)$/.test(name)),
    uploads: await world.unfinishedUploads(),
    open: await world.openWorkflows(),
    chunks: (await world.objects()).filter((key) => /\/runs\/\d+\/log\//.test(key)),
  };
}

/** What that looks like when all went well. */
export const FOUR_PHASES_WELL = {
  runs: Object.fromEntries(
    ['gate', 'inputs', 'load', 'run', 'save', 'source'].map((label) => [label, ['0 completed']]),
  ),
  linesInOrder: Array.from({ length: LINES }, (_, i) => `line ${i}`),
  inputIsWhole: true,
  sumsOf: { load: 1, save: 1 },
  saved: BIG,
  kept: ['public/logs/live.log', 'public/out'],
  containers: [],
  networks: [],
  uploads: [],
  open: [],
  chunks: [],
};
