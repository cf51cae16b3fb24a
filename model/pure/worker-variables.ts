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
] as const;

export type WorkerVariable = (typeof WORKER_VARIABLES)[number];
