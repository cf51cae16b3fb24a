import { inCache } from '../../stack/in-cache.ts';
import { isOwnName } from '../../model/engine-names.ts';
import type { TaskInput } from '../../model/pure/payloads.ts';
import type { SecretSource } from '../../model/secret-source.ts';
import { TASK_REASONS } from '../../model/pure/states.ts';
import { PlanCache } from '../../steps/plan-cache.ts';
import { chosenSidecarImage } from '../../docker/sidecar/sidecar-image.ts';
import type { RunHereDeps } from '../../steps/run-here.ts';
import { runTaskHere } from '../../steps/run-here.ts';
import { taskIdIn } from '../../model/pure/ids.ts';
import type { StepContext } from '../../steps/step-context.ts';
import type { LocalStore } from '../../store/local-store.ts';
import { createLocalStore } from '../../store/local-store.ts';
import { takeSecrets } from '../../workers/secret-sources.ts';
import type { ExitCode } from './exit-codes.ts';
import { EXIT } from './exit-codes.ts';
import type { FoundStore } from './find-store.ts';
import { findStore } from './find-store.ts';
import { imageOfLocalRun } from './image-of-local-run.ts';
import { withLocalEngine } from './local-engine.ts';
import type { LocalRuns } from './local-runs.ts';
import { localRuns, sweepLocalRuns } from './local-runs.ts';
import type { OpenRevision } from './open-revision.ts';
import { openRevision } from './open-revision.ts';
import { planLocalRun } from './plan-local-run.ts';
import type { LocalRunPlan } from './plan-local-run.ts';
import { describeEnd } from './render/local-run-text.ts';
import type { Session } from './session.ts';
import { shellInTask } from './shell-in-task.ts';
import { showTransfer } from './show-transfer.ts';
import type { RunArgs } from './verbs/run.ts';
import { warnDirty } from './warn-dirty.ts';

/** Everything that a run on this machine is made of, before an engine is asked for anything. */
export interface LocalRun {
  readonly args: RunArgs;
  readonly opened: OpenRevision;
  readonly found: FoundStore;
  readonly planned: LocalRunPlan;
  readonly runs: LocalRuns;
  readonly store: LocalStore;
  /** What this machine gives to tasks. */
  readonly secrets: SecretSource;
}

/** Carries a task out in this machine's engine by the steps of the workers; records lie on this machine. */
export async function runLocally(args: RunArgs, session: Session): Promise<number> {
  const { terminal, env } = session;
  // First of all, so that nothing which is started here has them.
  const secrets = takeSecrets(env);
  const opened = await openRevision(args, session);
  if (!args.worktree) await warnDirty(opened.local, terminal);
  const found = await findStore(session);
  try {
    const runs = await localRuns(env);
    const store = createLocalStore({
      directory: runs.directory,
      below: found.store?.objects,
      // A shell has stdout for itself.
      onLog: ({ text }) => (args.shell ? terminal.note(text.toString().trimEnd()) : terminal.write(text)),
    });
    await inCache('Runs on this machine', env, () => store.forgetOld());
    const { variant } = runs;
    const planned = await planLocalRun(args, { opened, found, store, variant }, session);
    if (!planned) return EXIT.usage;
    return await inEngine({ args, opened, found, planned, runs, store, secrets }, session);
  } finally {
    found.store?.close();
  }
}

async function inEngine(run: LocalRun, session: Session): Promise<number> {
  const { args, opened, planned, runs, store, secrets } = run;
  const { plan, task, findInput } = planned;
  const { terminal, signal } = session;
  return withLocalEngine(
    session,
    store.blobs,
    async (engine) => {
      await sweepLocalRuns(engine, runs, store);
      const image = await imageOfLocalRun({ ...run, engine }, session);
      if (!image) return EXIT.unsuccessful;
      const plans = new PlanCache(store);
      plans.hold({ ...plan, tasks: [{ ...task, image }] });
      const { id: engineId } = await engine.info();
      const deps: RunHereDeps = {
        store,
        plans,
        engine,
        ...(image.type === 'docker-image' && isOwnName(image.name) ? { builtHere: image.name } : {}),
        fleet: runs.fleet,
        sidecarImage: chosenSidecarImage(session.env['SLIPWAY_SIDECAR_IMAGE']),
        source: { open: () => Promise.resolve(opened.tree) },
        findInput,
        secrets,
        peaks: new Map<string, number>(),
        identity: { worker: runs.worker, engineId, queue: 'none' },
      };
      const context: StepContext = {
        signal,
        isCanceled: () => signal.aborted,
        onProgress: showTransfer(terminal),
      };
      const input = inputOf(planned);
      return args.shell
        ? shellInTask(deps, input, { context, session })
        : carryOut(deps, input, { context, session, store });
    },
    runs.fleet,
  );
}

async function carryOut(
  deps: RunHereDeps,
  task: Omit<TaskInput, 'firstRun'>,
  {
    context,
    session,
    store,
  }: { readonly context: StepContext; readonly session: Session; readonly store: LocalStore },
): Promise<ExitCode> {
  const { terminal, signal } = session;
  const ended = await runTaskHere(deps, task, context);
  terminal.status('');
  for (const line of describeEnd(ended, store.artifactsDirectory(task.taskId, ended.run)))
    terminal.note(line);
  if (signal.aborted) return EXIT.interrupted;
  if (ended.state === 'completed') return EXIT.good;
  return TASK_REASONS[ended.reason].owner === 'operator' ? EXIT.infrastructure : EXIT.unsuccessful;
}

function inputOf({ plan, task }: LocalRunPlan): Omit<TaskInput, 'firstRun'> {
  const { pushId, plannedAt, level } = plan;
  const { label, retries, deadlineSeconds, maxRunTimeSeconds } = task;
  const taskId = taskIdIn(pushId, label);
  const dind = task.dind ? { dind: true as const } : {};
  return { pushId, plannedAt, taskId, label, level, retries, deadlineSeconds, maxRunTimeSeconds, ...dind };
}
