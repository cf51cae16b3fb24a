import type { ContainerSpec } from '../docker/engine.ts';
import { LABEL } from '../docker/labels.ts';
import type { TaskInput } from '../model/pure/payloads.ts';
import { USUAL_VARIABLES } from '../model/pure/worker-variables.ts';
import type { WorkerVariable } from '../model/pure/worker-variables.ts';
import type { Plan, PlannedTask } from '../model/schema/plan.ts';
import { needsOf } from './machine-room.ts';

/** The container of one run, as its plan describes it; the image comes when it is created. */
export function containerOfRun(
  { task, run }: { readonly task: Pick<TaskInput, 'taskId' | 'label' | 'pushId'>; readonly run: number },
  {
    name,
    fleet,
    plan,
    planned,
    secretEnv = {},
  }: {
    readonly name: string;
    readonly fleet: string;
    readonly plan: Plan;
    readonly planned: PlannedTask;
    readonly secretEnv?: Readonly<Record<string, string>>;
  },
): Omit<ContainerSpec, 'engineImageId'> {
  const { memoryBytes, cpus, pids, shmBytes } = planned.resources;
  const needs = needsOf(planned);
  return {
    name,
    ...(planned.command ? { command: planned.command } : {}),
    // What the worker says wins over what the task says.
    env: {
      ...USUAL_VARIABLES,
      ...planned.env,
      ...secretEnv,
      ...({
        TASK_ID: task.taskId,
        RUN_ID: String(run),
        SLIPWAY_LABEL: task.label,
        SLIPWAY_PROJECT: plan.project,
        SLIPWAY_LEVEL: String(plan.level),
        SLIPWAY_REVISION: plan.revision,
        SLIPWAY_REF: plan.ref,
        SLIPWAY_PUSH: task.pushId,
        SLIPWAY_BASE: plan.compared?.revision ?? '',
      } satisfies Record<WorkerVariable, string>),
    },
    ...(planned.checkout === null ? {} : { workingDirectory: planned.checkout }),
    ...(planned.user === undefined ? {} : { user: planned.user }),
    ...(planned.network === undefined ? {} : { network: planned.network }),
    ...(planned.stdout === undefined ? {} : { printsData: true }),
    allowPtrace: planned.rights?.includes('allowPtrace') ?? false,
    disableSeccomp: planned.rights?.includes('disableSeccomp') ?? false,
    ...(planned.rights?.includes('kvm') ? { devices: ['/dev/kvm'] } : {}),
    labels: {
      [LABEL.fleet]: fleet,
      [LABEL.kind]: 'task',
      [LABEL.task]: task.taskId,
      [LABEL.run]: String(run),
      [LABEL.level]: String(plan.level),
      ...(needs.memoryBytes === undefined ? {} : { [LABEL.memory]: String(needs.memoryBytes) }),
      ...(needs.cpus === undefined ? {} : { [LABEL.cpus]: String(needs.cpus) }),
    },
    resources: {
      pids,
      shmBytes,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(cpus === undefined ? {} : { cpus }),
    },
  };
}
