import { z } from 'zod';
import type { Level } from '../pure/ids.ts';

const sum = z.object({ objects: z.number(), bytes: z.number() });

/** What one collection has kept and freed; `slipway gc --json` prints one for each level, and the workflow `gc` gives it. */
export const collectionReportSchema = z.object({
  level: z.number(),
  dryRun: z.boolean().describe('Nothing was taken away: what is said to be freed would be'),
  after: z
    .string()
    .optional()
    .describe(
      'Tasks before this key were looked at by an attempt that was cut off; what it kept and freed is not counted',
    ),
  kinds: z.array(
    z.object({
      kind: z.string(),
      kept: sum,
      freed: sum,
      why: z.record(z.string(), sum).describe('Reason to what was kept or freed for it'),
    }),
  ),
  blobs: z
    .enum(['collected', 'left to level 3', 'another collection is going on'])
    .describe('Blobs are shared by all levels, and collected with the highest one'),
  damaged: z.object({ count: z.number(), first: z.array(z.string()) }),
});
export type CollectionReport = z.infer<typeof collectionReportSchema>;

export interface CollectInput {
  readonly level: Level;
  /** Nothing is taken away, only told. */
  readonly dryRun: boolean;
}
