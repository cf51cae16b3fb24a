/** Labels of everything that Slipway makes in an engine; its sweepers go by them and by nothing else. */
export const LABEL = {
  /** The installation that made it. */
  fleet: 'slipway.fleet',
  /** `task` or `sidecar`. */
  kind: 'slipway.kind',
  task: 'slipway.task',
  run: 'slipway.run',
  level: 'slipway.level',
  /** Trust domain of a sidecar. */
  domain: 'slipway.domain',
  /** Which builder of its machine a sidecar belongs to. */
  seat: 'slipway.seat',
} as const;

export const KIND = { task: 'task', sidecar: 'sidecar' } as const;
