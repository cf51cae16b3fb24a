/**
 * The typed search attributes of Slipway's workflows. `up` creates them before the first worker: a start fails when one is
 * missing. SQL stores allow few of each type, so there are few.
 */
export const SLIPWAY_PROJECT = { name: 'SlipwayProject', type: 'KEYWORD' } as const;
export const SLIPWAY_LEVEL = { name: 'SlipwayLevel', type: 'INT' } as const;
export const SLIPWAY_REVISION = { name: 'SlipwayRevision', type: 'KEYWORD' } as const;
export const SLIPWAY_LABEL = { name: 'SlipwayLabel', type: 'KEYWORD' } as const;
export const SLIPWAY_IMAGE = { name: 'SlipwayImage', type: 'KEYWORD' } as const;
export const SLIPWAY_STATE = { name: 'SlipwayState', type: 'KEYWORD' } as const;
export const SLIPWAY_PUSHED_BY = { name: 'SlipwayPushedBy', type: 'KEYWORD' } as const;
