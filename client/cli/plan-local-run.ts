import { text } from 'node:stream/consumers';
import { formatFinding } from '../../model/findings.ts';
import { DECISION_LABEL, TASK_GRAPH } from '../../model/pure/decision.ts';
import type { Plan, PlannedTask } from '../../model/schema/plan.ts';
import type { Printed } from '../../plan/join-printed.ts';
import { localInputs } from '../../steps/local-inputs.ts';
import type { FindInput } from '../../steps/input-files.ts';
import type { LocalStore } from '../../store/local-store.ts';
import { pushesOfRevision } from '../names.ts';
import type { FoundStore } from './find-store.ts';
import { makeLocalPlan, reportNoPlan } from './make-local-plan.ts';
import type { OpenRevision } from './open-revision.ts';
import type { Session } from './session.ts';
import { UsageError } from './usage-error.ts';
import type { RunArgs } from './verbs/run.ts';

export interface LocalRunPlan {
  readonly plan: Plan;
  readonly task: PlannedTask;
  /** What the decision program printed, where the task is one of that: its image may be too. */
  readonly printed: Printed | undefined;
  /** Where it finds what other tasks have left. */
  readonly findInput: FindInput;
}

export interface WhereToPlan {
  readonly opened: OpenRevision;
  readonly found: FoundStore;
  readonly store: LocalStore;
  readonly variant: string;
}

/**
 * What a push of that revision would do for one task, with the ids of runs on this machine; undefined when `slipway.yml` has
 * mistakes, which were told then. @throws {UsageError} when the task would not run there. @throws {InputUnavailable} when what
 * it takes, or the decision program that may print it, has to run first.
 */
export async function planLocalRun(
  args: Pick<RunArgs, 'label' | 'project' | 'worktree'>,
  where: WhereToPlan,
  session: Session,
): Promise<LocalRunPlan | undefined> {
  const written = await planOnce(args, where, session);
  if (!written) return undefined;
  const pushes = where.found.store ? await pushesOfRevision(where.found.store, written) : [];
  const findInput = localInputs(where.store, {
    pushes,
    howToRun: (label) => `slipway run ${label}${args.worktree ? ' --worktree' : ''}`,
  });
  const isOpen = written.decides === true && !written.tasks.some(({ label }) => label === args.label);
  const decision = isOpen ? await whatWasPrinted(written, { findInput, store: where.store }) : undefined;
  const plan = decision ? await planOnce(args, where, session, decision) : written;
  if (!plan) return undefined;
  for (const warning of plan.warnings) session.terminal.note(formatFinding(warning));
  const task = taskOf(plan, args.label);
  // Before anything is built: what is not there yet takes another run first.
  for (const from of Object.values(task.inputs)) if (!('namespace' in from)) await findInput(plan, from);
  return { plan, task, printed: decision, findInput };
}

async function planOnce(
  { label, project }: Pick<RunArgs, 'label' | 'project'>,
  where: WhereToPlan,
  session: Session,
  decision?: Printed,
): Promise<Plan | undefined> {
  const options = { variant: where.variant, decision };
  const made = await makeLocalPlan({ project, tasks: [label] }, where, session, options);
  if (made.outcome === 'planned') return made.plan;
  await reportNoPlan(made, session.terminal);
  return undefined;
}

/** The graph that the decision program has left, in a push of the revision or in a run on this machine. */
async function whatWasPrinted(
  plan: Plan,
  { findInput, store }: { readonly findInput: FindInput; readonly store: LocalStore },
): Promise<Printed | undefined> {
  const [file] = await findInput(plan, { task: DECISION_LABEL, artifact: TASK_GRAPH });
  if (!file) return undefined;
  const body = await store.artifacts.read(file.taskId, file.run, TASK_GRAPH);
  return { text: await text(body), file: `${DECISION_LABEL}/${TASK_GRAPH}` };
}

/** It is found under its own routes by pushes only. */
function taskOf(plan: Plan, label: string): PlannedTask {
  const task = plan.tasks.find((other) => other.label === label);
  if (task) return { ...task, routes: [] };
  const why = plan.skipped.find((other) => other.label === label)?.why;
  throw new UsageError(
    `Task "${label}" would not run for ${plan.ref} at level ${plan.level}: ${why ?? 'it is not wanted'}. Name another branch by --ref`,
  );
}
