import { z } from 'zod';
import { explanationSchema } from './explanation.ts';

const level = z.union([z.literal(1), z.literal(2), z.literal(3)]);
const digest = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/)
  .transform((text) => text as `sha256:${string}`);

export const findingSchema = z.object({
  severity: z.enum(['error', 'warning']),
  file: z.string(),
  line: z.number(),
  column: z.number(),
  message: z.string(),
  hint: z.string().optional(),
});

/** Names an image in the store. */
export const storedImageSchema = z.object({
  manifestDigest: digest,
  configDigest: digest,
  /** Digests of the uncompressed layers, lowest first; with the config they identify an image on every engine. */
  diffIds: z.array(digest),
  sizeBytes: z.number().describe('Sum of the stored blobs'),
});
export type StoredImage = z.infer<typeof storedImageSchema>;

/** Everything that decides an image's bytes, as far as Slipway knows; what `image why` compares. */
export const imageInputsSchema = z.object({
  contextHash: z.string(),
  args: z.record(z.string(), z.string()),
  platform: z.string(),
  parent: z.string().nullable().describe('imageHash of the parent'),
  bases: z.record(z.string(), z.string()).describe('Reference to manifest digest'),
});
export type ImageInputs = z.infer<typeof imageInputsSchema>;

export const plannedImageSchema = z.object({
  name: z.string(),
  taskId: z.string(),
  context: z.string(),
  parent: z.string().nullable().describe('Name of the parent image'),
  symbol: z.string().optional(),
  tarball: z.enum(['view', 'stored']),
  inputs: imageInputsSchema,
  contextHash: z.string(),
  imageHash: z.string().nullable().describe('null while a base has no record'),
  action: z
    .enum(['build', 'reuse', 'unknown', 'not-needed'])
    .describe('not-needed: it is not there, and nothing that is to be built stands on it'),
  why: z.string().describe('In one line'),
  explanation: explanationSchema.optional().describe('The same in full'),
  /** Built even if the index has it by then: its rebuild was asked for, it is too old, or its parent is built again. */
  force: z.boolean().optional(),
  /** What each base was for this plan: it counts for the build, whoever renews its record meanwhile. */
  baseImages: z.record(z.string(), storedImageSchema).optional(),
  /** For `reuse`: what the index answered, and the level and task that made it. */
  stored: storedImageSchema.optional(),
  madeBy: z.string().optional(),
  /** Bases without a record; they are brought into the store before the hash is known. */
  missingBases: z.array(z.string()),
  /** Why it cannot be built at all, and the parent that is to blame, if one is. */
  unavailable: z.string().optional(),
  /** That is trouble of ours, and not its author's to mend. */
  troubled: z.literal(true).optional(),
  culprit: z.string().optional(),
});
export type PlannedImage = z.infer<typeof plannedImageSchema>;

/** One tarball for good, as it was found when the push was planned; absent where the push itself makes it. */
export const pinnedArtifactSchema = z.object({
  taskId: z.string(),
  run: z.number(),
  sha256: z
    .string()
    .optional()
    .describe('Absent for the image of an image build, which is known by its manifest'),
  stored: storedImageSchema.optional(),
});
export type PinnedArtifact = z.infer<typeof pinnedArtifactSchema>;

/** The one canonical form of a task's image. */
export const taskImageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('in-tree'), name: z.string() }),
  z.object({ type: z.literal('docker-image'), name: z.string() }),
  z.object({
    type: z.literal('task-image'),
    taskId: z.string().optional(),
    label: z.string().optional(),
    path: z.string(),
    name: z.string().optional(),
    pinned: pinnedArtifactSchema.optional(),
  }),
  z.object({
    type: z.literal('indexed-image'),
    namespace: z.string(),
    path: z.string(),
    name: z.string().optional(),
    pinned: pinnedArtifactSchema.optional(),
  }),
]);
export type TaskImage = z.infer<typeof taskImageSchema>;

export const plannedArtifactSchema = z.object({
  type: z.enum(['file', 'directory', 'volume']),
  path: z.string(),
  expiresSeconds: z.number().optional(),
  optional: z.boolean(),
  contentType: z.string().optional(),
});

/** A cache as a task mounts it. */
export const plannedCacheSchema = z.object({
  path: z.string(),
  perImage: z.boolean().describe('Whether tasks of another image have another cache'),
});

/** Rights that are granted by name: `features.allowPtrace`, `capabilities.disableSeccomp` and `capabilities.devices.kvm`. */
export const taskRightSchema = z.enum(['allowPtrace', 'disableSeccomp', 'kvm']);
export type TaskRight = z.infer<typeof taskRightSchema>;

/** An artifact of a dependency, or of the task that a route led to when the push was planned. */
export const plannedInputSchema = z.union([
  z.object({ task: z.string(), artifact: z.string(), optional: z.literal(true).optional() }),
  z.object({
    namespace: z.string(),
    artifact: z.string(),
    optional: z.literal(true).optional(),
    pinned: z
      .object({
        taskId: z.string(),
        run: z.number(),
        files: z
          .array(z.object({ name: z.string(), sha256: z.string() }))
          .describe('The artifact, or what is below it'),
      })
      .optional()
      .describe('Absent without a store, and where an optional one was not there'),
  }),
]);
export type PlannedInput = z.infer<typeof plannedInputSchema>;

/** A wanted task with every default filled in. */
export const plannedTaskSchema = z.object({
  label: z.string(),
  description: z.string(),
  image: taskImageSchema,
  command: z.array(z.string()).optional(),
  env: z.record(z.string(), z.string()),
  maxRunTimeSeconds: z.number(),
  artifacts: z.record(z.string(), plannedArtifactSchema),
  inputs: z.record(z.string(), plannedInputSchema),
  dependencies: z.array(z.string()),
  requires: z.enum(['all-completed', 'all-resolved']),
  priority: z.enum(['highest', 'very-high', 'high', 'medium', 'low', 'very-low', 'lowest']),
  retries: z.number(),
  deadlineSeconds: z.number(),
  retryExitCodes: z.array(z.number()),
  caches: z.record(z.string(), plannedCacheSchema).optional(),
  rights: z.array(taskRightSchema).optional(),
  secrets: z
    .array(z.object({ name: z.string(), env: z.string().optional() }))
    .optional()
    .describe('Names only; env: the variable that has the value too'),
  /** Exit codes after which the caches that the run had are removed. */
  purgeExitCodes: z.array(z.number()).optional(),
  resources: z.object({
    memoryBytes: z.number().optional(),
    cpus: z.number().optional(),
    diskBytes: z.number().optional(),
    pids: z.number(),
    shmBytes: z.number(),
  }),
  /** It has a private engine at `/var/run/docker.sock`. */
  dind: z.literal(true).optional(),
  interactive: z.literal('onFailure').optional().describe('Whether it asks to be kept once it has failed'),
  keepSeconds: z.number().optional().describe('How long its container is kept once it has failed'),
  keptInVain: z.literal(true).optional().describe('It is to be kept, and cannot be: it has a private engine'),
  network: z.literal('none').optional().describe('Absent: a network of its own'),
  checkout: z.string().nullable().describe('Path in the container, null: nothing is put anywhere'),
  checkoutGit: z
    .object({ depth: z.number() })
    .optional()
    .describe('The checkout has a .git with so many commits of each line of history'),
  user: z.string().optional().describe('user or user:group; absent: that of the image'),
  symbol: z.string().optional(),
  group: z.string().optional(),
  /** Names under which later pushes find it, once it has completed. */
  routes: z.array(z.string()).optional(),
  /** The artifact that its standard output becomes; its log has the rest. */
  stdout: z.string().optional(),
  /** Why this task is wanted: selected by which pattern, needed by which task. */
  why: z.string(),
});
export type PlannedTask = z.infer<typeof plannedTaskSchema>;

/** What was asked for beyond the default; the variant in the push's id is its hash. */
export const pushRequestSchema = z.object({
  tasks: z.array(z.string()).optional().describe('Patterns as written, sorted, unique'),
  rebuild: z.array(z.string()).optional(),
  base: z.string().optional(),
});
export type PushRequest = z.infer<typeof pushRequestSchema>;

export const planSchema = z.object({
  version: z.literal(1),
  pushId: z.string(),
  plannedAt: z.string().describe('ISO time; with the pushId it names one plan for good'),
  /** From the push's arrival until the plan stood, in milliseconds. */
  decisionMs: z.number().optional(),
  project: z.string(),
  domain: z.string(),
  level,
  repository: z.string(),
  ref: z.string(),
  revision: z.string(),
  request: pushRequestSchema,
  compared: z
    .object({ revision: z.string().optional(), what: z.string().optional() })
    .optional()
    .describe(
      'What `when.changed` was held against; empty: nothing is known, and everything counts as changed',
    ),
  /** Only the decision program is planned: when it has completed, the push is planned again with what it printed. */
  decides: z.boolean().optional(),
  warnings: z.array(findingSchema),
  images: z.array(plannedImageSchema).describe('Needed images, parents before children'),
  tasks: z.array(plannedTaskSchema).describe('Wanted tasks, dependencies before dependents'),
  skipped: z.array(z.object({ label: z.string(), why: z.string() })),
});
export type Plan = z.infer<typeof planSchema>;
