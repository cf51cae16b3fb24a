/** Variables that a worker gives every task, whatever its image says of them, as long as the task itself says nothing. */
export const USUAL_VARIABLES = { CI: 'true' } as const;

/** Variables that a worker gives every task, whatever the task says of them. */
export const WORKER_VARIABLES = [
  'TASK_ID',
  'RUN_ID',
  'SLIPWAY_LABEL',
  'SLIPWAY_PROJECT',
  'SLIPWAY_LEVEL',
  'SLIPWAY_REVISION',
  'SLIPWAY_REF',
  'SLIPWAY_PUSH',
  'SLIPWAY_BASE',
] as const;

export type WorkerVariable = (typeof WORKER_VARIABLES)[number];
