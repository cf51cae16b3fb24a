import { z } from 'zod';

/** What `doctor` says about one part; `doctor --json` prints a list of these. */
export const diagnosisSchema = z.object({
  part: z.string(),
  ok: z.boolean(),
  version: z.string().optional(),
  /** A path or an address. */
  where: z.string().optional(),
  /** One sentence without a full stop: what is, or what is wrong. */
  message: z.string(),
  /** What it takes, and what it may take, where that is known. */
  bytes: z.number().optional(),
  budgetBytes: z.number().optional(),
  /** What to type or do; only when something is wrong. */
  todo: z.string().optional(),
});
export type Diagnosis = z.infer<typeof diagnosisSchema>;

export const diagnosesSchema = z.array(diagnosisSchema);
