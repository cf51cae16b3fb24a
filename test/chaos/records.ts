import { z } from 'zod';

/** As much of the store's records as the audit looks at, by the documented layout. */
const artifactSchema = z.object({ name: z.string(), sizeBytes: z.number(), sha256: z.string() });
const runSchema = z.object({
  run: z.number(),
  state: z.string(),
  reason: z.string().optional(),
  detail: z.string().optional(),
  artifacts: z.array(artifactSchema),
  started: z.string().optional(),
  resolved: z.string().optional(),
});
export const recordSchema = z.object({
  taskId: z.string(),
  state: z.string(),
  reason: z.string().optional(),
  detail: z.string().optional(),
  runs: z.array(runSchema),
});
export type RunRecord = z.infer<typeof runSchema>;
type TaskRecord = z.infer<typeof recordSchema>;
export const verdictSchema = z.object({
  id: z.string(),
  state: z.string(),
  reason: z.string().optional(),
  detail: z.string().optional(),
});

export function describeRuns(record: TaskRecord | undefined): string {
  const runs = record?.runs.map((run) => `${run.run} ${run.state}/${run.reason}${detailOf(run)}`) ?? [];
  return runs.length > 0 ? runs.join(', ') : 'none';
}

export function detailOf(ended: { readonly detail?: string | undefined } | undefined): string {
  return ended?.detail === undefined ? '' : ` (${JSON.stringify(ended.detail.slice(0, 500))})`;
}
