import { z } from 'zod';

/** Milliseconds spent in each phase of a run; a phase that was not reached is absent. */
export const phasesSchema = z.object({
  queueMs: z.number().optional().describe('From when the run was wanted until a machine claimed it'),
  imageMs: z
    .number()
    .optional()
    .describe('Fetch and load of the image; of one that did not come, how long it was tried for'),
  buildMs: z.number().optional(),
  publishMs: z.number().optional(),
  prepareMs: z.number().optional().describe('Inputs and checkout put in, container created'),
  runMs: z.number().optional(),
  uploadMs: z.number().optional(),
});
export type Phases = z.infer<typeof phasesSchema>;

export const artifactRecordSchema = z.object({
  name: z.string(),
  sizeBytes: z.number(),
  sha256: z.string().describe('Lower case hex of the bytes as downloaded'),
  contentType: z.string(),
  expires: z.string().optional(),
  executable: z.boolean().optional().describe('Whether its owner may execute it; absent: not'),
});
export type ArtifactRecord = z.infer<typeof artifactRecordSchema>;

export const cacheMountsSchema = z
  .object({
    broughtIn: z.number(),
    bytesLoaded: z.number(),
    missed: z.number().describe('Those that the store had, and that could not be brought in'),
    fellBack: z.string().optional().describe('Why all of one moved, where less would have done'),
  })
  .describe('Cache mounts of an image build that its engine lacked');
export type CacheMountsRecord = z.infer<typeof cacheMountsSchema>;

/** `runs/<n>/saved.json`: what was saved of a run and what was missing, before its container was removed. Created once. */
export const savedArtifactsSchema = z.object({
  artifacts: z.array(artifactRecordSchema),
  missing: z.array(z.object({ name: z.string(), found: z.string() })),
  uploadMs: z.number(),
  bytesUploaded: z.number(),
  keptUntil: z.string().optional().describe('Its container is kept until then'),
  ran: z
    .object({ runMs: z.number(), exitCode: z.number() })
    .optional()
    .describe('As the engine has it, of a command that came to no result'),
  peakMemoryBytes: z.number().optional().describe('The most that was seen in use, of such a command'),
});
