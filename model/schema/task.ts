import { z } from 'zod';
import { TARBALL_ENDINGS, TARBALL_NAME } from '../pure/tarball-name.ts';

const tarballPath = z
  .string()
  .regex(TARBALL_NAME, `must end in ${TARBALL_ENDINGS}`)
  .describe(`Name of an artifact that ends in ${TARBALL_ENDINGS}`);
const imageName = z
  .string()
  .min(1)
  .optional()
  .describe('Chooses among several images of the tarball, for example lint:latest');

/** The five forms of a task's image, as written; `normalizeImage` in the plan room turns them into {@link TaskImage}. */
export const imageFormSchema = z.union([
  z.string().min(1).describe('Any image the engine can pull, for example debian:bookworm'),
  z.strictObject({ 'in-tree': z.string().describe('Name of an image under `images`') }),
  z.strictObject({
    type: z.literal('docker-image'),
    name: z.string().min(1).describe('Name of an image, such as debian:bookworm'),
  }),
  z.strictObject({
    type: z.literal('task-image'),
    taskId: z
      .union([z.string().min(1), z.strictObject({ 'task-reference': z.string().min(1) })])
      .describe('{task-reference: LABEL} for a task of this push, or the id of a task'),
    path: tarballPath,
    name: imageName,
  }),
  z.strictObject({
    type: z.literal('indexed-image'),
    namespace: z.string().min(1).describe('A route by which tasks of other pushes are found'),
    path: tarballPath,
    name: imageName,
  }),
]);

export type ImageForm = z.infer<typeof imageFormSchema>;

const containerPath = z.string().startsWith('/', 'must be an absolute path in the container');

const duration = z
  .union([z.number().int().positive(), z.string()])
  .describe('Seconds, or words such as "30 days"');

export const artifactSchema = z.strictObject({
  type: z.enum(['file', 'directory', 'volume']),
  path: containerPath,
  expires: duration.optional(),
  optional: z
    .boolean()
    .optional()
    .describe('Only excuses absence; default false: a missing artifact fails the task'),
  contentType: z
    .string()
    .regex(/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( *; *[\x20-\x7e]+)?$/, 'must be a media type, such as text/plain')
    .optional(),
});

/** Where a cache is mounted, and whether tasks of another image have another one. */
export const cacheSchema = z.union([
  containerPath,
  z.strictObject({
    path: containerPath,
    perImage: z
      .boolean()
      .optional()
      .describe('Default true; false: tasks of other images, and of a changed one, have the same cache'),
  }),
]);

const secretName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be letters, digits and "_", and begin with no digit');

/** Names alone, or names with where else than below /run/secrets the values are to be. */
export const secretsSchema = z.union([
  z.array(secretName),
  z.record(
    secretName,
    z.strictObject({
      env: z
        .union([z.literal(true), secretName])
        .optional()
        .describe('A variable that has the value too: true for one of the same name'),
    }),
  ),
]);

/** Others are refused, or have no effect, each with a finding of its own; so are values of these that are none. */
const featuresSchema = z.looseObject({
  dind: z.unknown().meta({ type: 'boolean', description: 'A Docker Engine of the task’s own' }).optional(),
  allowPtrace: z.unknown().meta({ type: 'boolean', description: 'Debuggers work' }).optional(),
  interactive: z
    .unknown()
    .meta({ enum: [false, 'onFailure'], description: 'Whether it is kept once it has failed, to be joined' })
    .optional(),
});

/** What of a machine a task may have beyond what every task has; each is granted by the server's configuration. */
export const capabilitiesSchema = z.strictObject({
  privileged: z.boolean().optional(),
  disableSeccomp: z.boolean().optional().describe('System calls are not filtered: for sanitizers and rr'),
  devices: z
    .strictObject({
      loopbackVideo: z.boolean().optional(),
      loopbackAudio: z.boolean().optional(),
      hostSharedMemory: z.boolean().optional(),
      kvm: z
        .boolean()
        .optional()
        .describe('/dev/kvm of the machine; where it has none the task ends resource-unavailable'),
    })
    .optional(),
});

export const resourcesSchema = z.strictObject({
  memory: z.string().optional().describe('For example 2g; default: no limit'),
  cpus: z.number().positive().optional(),
  disk: z.string().optional(),
  pids: z.number().int().positive().optional(),
  shm: z.string().optional().describe('Size of /dev/shm, default 1.8g'),
});

export const whenSchema = z.strictObject({
  changed: z
    .array(z.string())
    .optional()
    .describe(
      'Globs; one changed file must match one of them, and none of those after "!"; []: only where it is named',
    ),
  refs: z
    .array(z.string())
    .optional()
    .describe(
      'Patterns of branches, or of refs that begin with refs/; "*" crosses "/", what is after "!" is not meant',
    ),
  levels: z.array(z.union([z.literal(1), z.literal(2), z.literal(3)])).optional(),
});

/** A path alone, or with what else is put there than the files. */
export const checkoutSchema = z.union([
  z.literal(false),
  containerPath,
  z.strictObject({
    path: containerPath.optional().describe('Default /src'),
    git: z
      .boolean()
      .optional()
      .describe(
        'true: with a .git that the user of the task owns; HEAD is the revision, on no branch, with the tags that lead to its commits',
      ),
    depth: z
      .number()
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .optional()
      .describe('With git: how many commits of each line of history are there, default 1'),
  }),
]);

export type CheckoutForm = z.infer<typeof checkoutSchema>;

const userSchema = z
  .union([
    z
      .number()
      .int()
      .min(0)
      .max(2 ** 31 - 1),
    z
      .string()
      .regex(
        /^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/,
        'must be a user, or user:group, by names that the image has or by numbers',
      ),
  ])
  .describe(
    'Whom the command runs as, as docker run --user: name or number, or both with ":" before a group; default: the user of the image. The checkout, inputs, secrets and new caches are theirs',
  );

const SHOWN_NOWHERE = 'Without effect yet: there are no pages that show it';

/** A task as slipway.yml has it, after `defaults` are merged under it. */
export const taskSchema = z.strictObject({
  description: z.string().optional().describe('What it is for: plan and status show it'),
  image: imageFormSchema,
  command: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('Arguments, or one string run by sh -c; default: the command of the image'),
  env: z.record(z.string(), z.string()).optional(),
  maxRunTime: duration.optional().describe('Default 3600 seconds, counted from the start of the container'),
  artifacts: z.record(z.string(), artifactSchema).optional(),
  inputs: z
    .record(
      containerPath,
      z.strictObject({
        task: z.string().optional().describe('A dependency'),
        namespace: z
          .string()
          .optional()
          .describe('Instead of it: a route by which tasks of other pushes are found'),
        artifact: z.string(),
        optional: z
          .boolean()
          .optional()
          .describe(
            'Only excuses absence: nothing is put where it is missing; default false: that ends the task as resource-unavailable',
          ),
      }),
    )
    .optional()
    .describe('Artifacts of other tasks, verified, at these paths before the command starts'),
  dependencies: z.array(z.string()).optional(),
  requires: z.enum(['all-completed', 'all-resolved']).optional(),
  priority: z.enum(['highest', 'very-high', 'high', 'medium', 'low', 'very-low', 'lowest']).optional(),
  retries: z
    .number()
    .int()
    .min(0)
    .max(49)
    .optional()
    .describe('New runs after infrastructure trouble, default 5'),
  deadline: duration.optional(),
  features: featuresSchema.optional(),
  cache: z
    .record(z.string(), cacheSchema)
    .optional()
    .describe('Directories that outlast a run, by name; each is one run’s alone while it runs'),
  capabilities: capabilitiesSchema.optional(),
  onExitStatus: z
    .strictObject({
      retry: z.array(z.number().int()).optional(),
      purgeCaches: z.array(z.number().int()).optional(),
    })
    .optional(),
  secrets: secretsSchema
    .optional()
    .describe('Each is a file below /run/secrets while the task runs, masked in its log'),
  routes: z.array(z.string()).optional(),
  resources: resourcesSchema.optional(),
  network: z
    .enum(['own', 'none'])
    .optional()
    .describe('own: one that no other task is in, with a way out (default); none: loopback alone'),
  checkout: checkoutSchema
    .optional()
    .describe('Where the revision is put and the command starts, default /src; false: nowhere'),
  user: userSchema.optional(),
  symbol: z.string().optional().describe(SHOWN_NOWHERE),
  group: z.string().optional().describe(SHOWN_NOWHERE),
  when: whenSchema.optional(),
  log: z.string().optional(),
});

export type TaskForm = z.infer<typeof taskSchema>;

export const tarballKeepingSchema = z.enum(['view', 'stored']);
export type TarballKeeping = z.infer<typeof tarballKeepingSchema>;

export const imageDefinitionSchema = z.strictObject({
  context: z.string().min(1).describe('A directory of the tree with a Dockerfile'),
  parent: z.string().optional().describe('Another image; reaches the Dockerfile as DOCKER_IMAGE_PARENT'),
  args: z.record(z.string(), z.string()).optional(),
  symbol: z.string().optional().describe(SHOWN_NOWHERE),
  base: z.enum(['pin', 'track']).optional(),
  'rebuild-after': duration.optional(),
  tarball: tarballKeepingSchema
    .optional()
    .describe(
      'stored: keep public/image.tar as an object of its own too; default: as the level does, else view',
    ),
  platform: z
    .string()
    .regex(
      /^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+){1,2}$/,
      'must be os/arch or os/arch/variant, such as linux/arm64',
    )
    .optional()
    .describe('os/arch or os/arch/variant that it is built for; default: that of the engine'),
});

export type ImageDefinition = z.infer<typeof imageDefinitionSchema>;
