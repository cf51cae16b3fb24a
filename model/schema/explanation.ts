import { z } from 'zod';

/** A file of a build context: where it stands there, where in the tree, and which content it has. */
export const contextFileSchema = z.object({
  name: z.string().describe('In the context'),
  path: z.string().describe('In the tree; for a link, that of the file it leads to'),
  link: z.string().optional().describe('The link in the tree that it was reached by'),
  executable: z.boolean().optional(),
  objectId: z.string().describe("Version control's id of the content: equal ids, equal bytes"),
  sizeBytes: z.number().optional(),
});
export type ContextFile = z.infer<typeof contextFileSchema>;

/** `public/context.json` of an image's build: what it was built from. */
export const contextListSchema = z.object({
  version: z.literal(1),
  repository: z.string(),
  revision: z.string(),
  context: z.string().describe('Directory of the tree'),
  parent: z.string().nullable().describe('Name of the parent image'),
  files: z.array(contextFileSchema),
});
export type ContextList = z.infer<typeof contextListSchema>;

const fileSideSchema = contextFileSchema.pick({
  executable: true,
  objectId: true,
  sizeBytes: true,
  path: true,
});

/** How one file of a context differs from the one that was built before. */
export const fileChangeSchema = z.object({
  what: z.enum(['changed', 'added', 'removed', 'mode', 'link']),
  /** In the tree: the file, or the link that it is reached by. */
  path: z.string(),
  /** Below the context's directory; absent for what is included from elsewhere. */
  inContext: z.string().optional(),
  before: fileSideSchema.optional(),
  after: fileSideSchema.optional(),
  /** The first line that differs, and how many came and went; absent where no difference of lines was made. */
  line: z.number().optional(),
  added: z.number().optional(),
  removed: z.number().optional(),
  binary: z.boolean().optional(),
});
export type FileChange = z.infer<typeof fileChangeSchema>;

const filesChangedSchema = z.object({
  kind: z.literal('files'),
  files: z.array(fileChangeSchema).describe('The first of them'),
  count: z.number().describe('All of them'),
});
const plainChangeSchemas = [
  /** Other bytes of the context than before, of which no list of files was kept. */
  z.object({ kind: z.literal('context') }),
  z.object({
    kind: z.literal('argument'),
    name: z.string(),
    before: z.string().optional(),
    after: z.string().optional(),
  }),
  z.object({
    kind: z.literal('base'),
    reference: z.string(),
    before: z.string().optional().describe('Digest of its manifest'),
    after: z.string().optional(),
    resolved: z.string().optional().describe('When it was found to be the later one'),
    unrecorded: z.literal(true).optional().describe('It is named now, and has no record yet'),
  }),
  z.object({ kind: z.literal('platform'), before: z.string(), after: z.string() }),
  z.object({ kind: z.literal('recipe') }),
] as const;

export type ParentChange = {
  readonly kind: 'parent';
  readonly before?: { readonly name?: string | undefined; readonly imageHash: string } | undefined;
  readonly after?: { readonly name: string; readonly imageHash: string | null } | undefined;
  /** Why the parent is another one; absent when the former one is not known any more, and for one of another name that is made from another directory. */
  readonly changes?: ImageChange[] | undefined;
};
export type ImageChange =
  z.infer<typeof filesChangedSchema> | z.infer<(typeof plainChangeSchemas)[number]> | ParentChange;

const parentChangeSchema: z.ZodType<ParentChange> = z.object({
  kind: z.literal('parent'),
  before: z.object({ name: z.string().optional(), imageHash: z.string() }).optional(),
  after: z.object({ name: z.string(), imageHash: z.string().nullable() }).optional(),
  changes: z.array(z.lazy(() => imageChangeSchema)).optional(),
});
export const imageChangeSchema: z.ZodType<ImageChange> = z.union([
  filesChangedSchema,
  ...plainChangeSchemas,
  parentChangeSchema,
]);

/** Why an image is built, or why it need not be; what `image why` shows and `why` says in one line. */
export const explanationSchema = z.object({
  /**
   * `known`: it is there. `new`: no image of the name was built. `changed`: against the newest one. `damaged`: it was built, but
   * its blobs are gone. `asked`: its rebuild was asked for. `expired`: older than rebuild-after. `parent-rebuilt`: its parent is
   * built again. `unknown`: a base has no record, or no store is reachable. `not-needed`: it is not there, and what stands on it is.
   */
  reason: z.enum([
    'known',
    'new',
    'changed',
    'damaged',
    'asked',
    'expired',
    'parent-rebuilt',
    'unknown',
    'not-needed',
  ]),
  /** One sentence where the reason does not say it all. */
  detail: z.string().optional(),
  /** The image that it is compared with, or that is there. */
  against: z
    .object({
      imageHash: z.string(),
      taskId: z.string(),
      run: z.number(),
      level: z.number(),
      created: z.string(),
      repository: z.string().optional(),
      revision: z.string().optional(),
    })
    .optional(),
  changes: z.array(imageChangeSchema),
  /** Keys of the index in the order in which they were read. */
  tried: z.array(
    z.object({ key: z.string(), found: z.enum(['nothing', 'image', 'damaged', 'expired', 'passed over']) }),
  ),
  /** What is to be known of its bases: one that could not be resolved anew, for example. */
  notes: z.array(z.string()),
});
export type Explanation = z.infer<typeof explanationSchema>;
