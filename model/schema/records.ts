import { z } from 'zod';
import { findingSchema, imageInputsSchema, pushRequestSchema, storedImageSchema } from './plan.ts';
import { artifactRecordSchema, cacheMountsSchema, phasesSchema } from './run-parts.ts';

export { artifactRecordSchema, cacheMountsSchema, phasesSchema };
export { savedArtifactsSchema } from './run-parts.ts';
export type { ArtifactRecord, CacheMountsRecord, Phases } from './run-parts.ts';

const isoTime = z.string();
const taskState = z.enum(['unscheduled', 'pending', 'running', 'completed', 'failed', 'exception']);
const taskReason = z.enum([
  'completed',
  'failed',
  'max-run-time-exceeded',
  'out-of-memory',
  'artifact-missing',
  'image-build-failed',
  'canceled',
  'deadline-exceeded',
  'dependency-failed',
  'malformed-payload',
  'resource-unavailable',
  'internal-error',
  'worker-lost',
  'worker-shutdown',
  'intermittent-task',
  'upload-failed',
]);
const pushReason = z.enum([
  'completed',
  'failed',
  'canceled',
  'malformed-plan',
  'revision-not-found',
  'repository-unavailable',
  'internal-error',
]);

export const runRecordSchema = z.object({
  run: z.number().int(),
  state: taskState,
  reason: taskReason.optional(),
  /** One sentence for people when the reason does not say it all. */
  detail: z.string().optional(),
  worker: z.string().optional(),
  engineId: z.string().optional(),
  started: isoTime.optional(),
  resolved: isoTime.optional(),
  exitCode: z.number().optional(),
  peakMemoryBytes: z.number().optional(),
  bytesLoaded: z.number().optional().describe('Bytes of image layers fetched from the store by this run'),
  bytesUploaded: z.number().optional(),
  steps: z.number().optional().describe('Steps of an image build'),
  cachedSteps: z.number().optional().describe('Those of them that a cache had'),
  cacheMounts: cacheMountsSchema.optional(),
  fellBack: z.string().optional().describe('Why all of an image moved, where less would have done'),
  cacheTrouble: z.string().optional().describe('Why a build could not use the layers of an earlier image'),
  keptUntil: isoTime.optional().describe('Its container is kept until then, for slipway shell'),
  manifestDigest: z.string().optional(),
  configDigest: z.string().optional(),
  registryDigest: z
    .string()
    .optional()
    .describe('What the name of its image stood for, where the store does not have it'),
  phases: phasesSchema,
  artifacts: z.array(artifactRecordSchema),
});
export type RunRecord = z.infer<typeof runRecordSchema>;

/** `level-<L>/tasks/<key>/status.json`: a task (or an image build) and its runs. Written whole by its own workflow only. */
export const taskRecordSchema = z.object({
  version: z.literal(1),
  taskId: z.string(),
  label: z.string(),
  pushId: z.string().optional(),
  /** When the round of the push that it belongs to was planned: tells it from the record of a round before. */
  plannedAt: isoTime.optional(),
  image: z.string().optional().describe('What the task runs in, for people: an in-tree name or a reference'),
  state: taskState,
  reason: taskReason.optional(),
  detail: z.string().optional(),
  /** The first task or image that made this one fail. */
  culprit: z.string().optional(),
  created: isoTime,
  resolved: isoTime.optional(),
  firstRun: z.number().int().optional().describe('Number of its first run since it was last asked to run'),
  runs: z.array(runRecordSchema),
});
export type TaskRecord = z.infer<typeof taskRecordSchema>;

/** `runs/<n>/claim.json`: which worker and engine carries a run out. Created once. */
export const claimSchema = z.object({
  worker: z.string(),
  engineId: z.string(),
  queue: z.string(),
  claimed: isoTime,
});
export type Claim = z.infer<typeof claimSchema>;

/** How long something in the index lives. */
const lifeFields = {
  used: isoTime.optional().describe('When a push last used it, about'),
  retired: isoTime.optional().describe('Its life is over since then: it counts as none, and is removed soon'),
};

/** `level-<L>/index/<domain>/images/<name>/<imageHash>`. */
export const indexEntrySchema = storedImageSchema.extend({
  ...lifeFields,
  version: z.literal(1),
  taskId: z.string(),
  run: z.number(),
  created: isoTime,
  builtOn: z
    .enum(['classic', 'containerd'])
    .optional()
    .describe('Kind of the engine that built it: one of the same kind knows its steps'),
  inputs: imageInputsSchema,
  recipe: z.number().int().optional().describe('By which its hash was made of them; absent: the first'),
  renewed: isoTime
    .optional()
    .describe('When a build that was asked for or due last took the place of one of the same content'),
  ground: storedImageSchema
    .pick({ manifestDigest: true })
    .extend({ chosen: isoTime })
    .optional()
    .describe(
      'The build of its parent that it stands on, and when its push was planned; not known of older entries',
    ),
});
export type IndexEntry = z.infer<typeof indexEntrySchema>;

/** `level-<L>/index/<domain>/bases/<platform>/<reference>`: what a reference was resolved to, first time. */
export const baseRecordSchema = storedImageSchema.extend({
  ...lifeFields,
  version: z.literal(1),
  reference: z.string(),
  platform: z.string(),
  resolved: isoTime,
  source: z.string().describe('Where it came from: "pulled" or "debootstrap"'),
  registryDigest: z.string().optional().describe('What the registry had under the reference then'),
});
export type BaseRecord = z.infer<typeof baseRecordSchema>;

/** `level-<L>/index/<domain>/routes/<namespace>`: the task that completed with this route. */
export const routeRecordSchema = z.object({
  ...lifeFields,
  version: z.literal(1),
  namespace: z.string(),
  taskId: z.string(),
  run: z.number(),
  /** What it left; a lower level may not read its record. */
  artifacts: z.array(z.object({ name: z.string(), sha256: z.string() })),
  plannedAt: isoTime.describe('Of its push: of two, the later one counts'),
});
export type RouteRecord = z.infer<typeof routeRecordSchema>;

/** `level-<L>/index/<domain>/tarballs/[<platform>/]<sha256>[~<name>]`: the image that a tarball of a task became. */
export const tarballRecordSchema = storedImageSchema.extend({
  ...lifeFields,
  version: z.literal(1),
  sha256: z.string().describe('Of the tarball'),
  name: z.string().optional().describe('Of the image, where it was chosen among several'),
  names: z.array(z.string()).optional().describe('Of the only image of a tarball: those it has there, plain'),
  platform: z
    .string()
    .optional()
    .describe('That it was chosen for, where the tarball has images for several'),
  imported: isoTime,
});
export type TarballRecord = z.infer<typeof tarballRecordSchema>;

/** `level-<L>/index/<domain>/mounts/<key>`: what a cache mount held when a builder of the level kept it. */
export const mountRecordSchema = storedImageSchema.extend({
  ...lifeFields,
  version: z.literal(1),
  id: z.string(),
  platform: z.string(),
  created: isoTime,
  content: z.string().describe('Hash over names, sizes, times, modes and owners of its files'),
  contentBytes: z.number().describe('What they take where they lie'),
});
export type MountRecord = z.infer<typeof mountRecordSchema>;

/** `level-<L>/pushes/<key>/push.json`: what was asked, by whom. */
export const pushRecordSchema = z.object({
  version: z.literal(1),
  pushId: z.string(),
  project: z.string(),
  domain: z.string(),
  level: z.number(),
  repository: z.string(),
  refs: z.array(z.string()),
  revision: z.string(),
  request: pushRequestSchema,
  pushedBy: z.string(),
  received: isoTime,
  rounds: z
    .array(
      z.object({
        round: z.number().int(),
        began: isoTime,
        by: z.string(),
        tasks: z
          .union([z.array(z.string()), z.literal('failed')])
          .optional()
          .describe('What was to run again; absent: everything'),
      }),
    )
    .optional()
    .describe('Those after the first'),
  arrived: isoTime
    .optional()
    .describe(
      'When it last arrived, where that was not the first time: its place among the pushes of its ref',
    ),
});
export type PushRecord = z.infer<typeof pushRecordSchema>;

export const pushImageSchema = z.object({
  name: z.string(),
  contextHash: z.string(),
  imageHash: z.string().nullable(),
  taskId: z.string(),
  outcome: z.enum(['pending', 'built', 'reused', 'failed', 'canceled', 'not-needed']),
  bytesUploaded: z.number(),
  why: z.string(),
  manifestDigest: z.string().optional(),
  detail: z.string().optional(),
  fellBack: z.string().optional().describe('Why its build moved or made more than need have been'),
});
export type PushImage = z.infer<typeof pushImageSchema>;

export const pushTaskSchema = z.object({
  label: z.string(),
  taskId: z.string(),
  state: taskState,
  reason: taskReason.optional(),
  detail: z.string().optional(),
  culprit: z.string().optional(),
  description: z.string().optional().describe('What it is for, as slipway.yml says it'),
  image: z.string(),
  queue: z.string().optional().describe('While it is pending: where it waits for a worker'),
  budget: z
    .object({ runs: z.number().int(), atMost: z.number().int() })
    .optional()
    .describe(
      'How many runs it has had since it was last asked to run, and may have: `retries` and one more',
    ),
  runs: z.array(
    z.object({
      run: z.number(),
      state: taskState,
      reason: taskReason.optional(),
      detail: z.string().optional(),
      exitCode: z.number().optional(),
      peakMemoryBytes: z.number().optional(),
      phases: phasesSchema,
      bytesLoaded: z.number(),
      fellBack: z.string().optional().describe('Why all of its image moved, where less would have done'),
      keptUntil: isoTime.optional().describe('Its container is kept until then, for slipway shell'),
    }),
  ),
});
export type PushTask = z.infer<typeof pushTaskSchema>;

/** The one document that `push --watch --json` and `status --json` print, and `level-<L>/pushes/<key>/status.json`. */
export const pushDocumentSchema = z.object({
  id: z.string(),
  project: z.string(),
  repository: z.string(),
  ref: z.string(),
  revision: z.string(),
  level: z.number(),
  pushedBy: z.string().optional().describe('Not known of older ones'),
  state: z.enum(['running', 'completed', 'failed', 'exception']),
  reason: pushReason.optional(),
  detail: z.string().optional(),
  supersededBy: z
    .string()
    .optional()
    .describe('The newer push that took its place, when it was cancelled for that alone'),
  findings: z.array(findingSchema),
  received: isoTime,
  round: z.number().int().optional().describe('Absent in the first'),
  /** Milliseconds from the start of the workflow until the plan stood. */
  decisionMs: z.number().optional(),
  resolved: isoTime.optional(),
  images: z.array(pushImageSchema),
  tasks: z.array(pushTaskSchema),
});
export type PushDocument = z.infer<typeof pushDocumentSchema>;
