import { z } from 'zod';
import { LONGEST_SECONDS, parseDuration } from '../pure/duration.ts';
import type { Level } from '../pure/ids.ts';
import { LEVELS, NAME_PATTERN } from '../pure/ids.ts';
import { refPatternMistake } from '../pure/ref-patterns.ts';
import type { TarballKeeping } from './task.ts';
import { tarballKeepingSchema } from './task.ts';

const level = z.union([z.literal(1), z.literal(2), z.literal(3)]);

/** By level; what is granted at one is not granted at another. */
const grantsByLevel = z.strictObject({
  1: z.array(z.string()).optional(),
  2: z.array(z.string()).optional(),
  3: z.array(z.string()).optional(),
});

const listedRefPattern = z.string().superRefine((pattern, context) => {
  const mistake = refPatternMistake(pattern.replace(/^!/, ''));
  if (mistake !== undefined) context.addIssue({ code: 'custom', message: mistake });
});

/** Of a list in which the first that matches decides, so that there is nothing to take out again. */
const refPattern = listedRefPattern.refine(
  (pattern) => !pattern.startsWith('!'),
  'cannot begin with "!": the first pattern that matches decides, so write what is not meant before it',
);

/**
 * In `sources.refs`, in `supersede` and in a task's `when.refs` a pattern is the same: `*` stands for anything, slashes too, so that `"*"`
 * is every ref; one that begins with `refs/` spells a ref out, every other names branches.
 */
export const projectSchema = z.strictObject({
  trustDomain: z.string().regex(NAME_PATTERN).optional(),
  visibility: z
    .enum(['private', 'public'])
    .default('private')
    .refine((given) => given === 'private', 'public is not carried out yet: there are no pages to see it on'),
  supersede: z
    .union([z.boolean(), z.array(listedRefPattern)])
    .optional()
    .describe('Whether a newer push of a ref cancels the older ones that run; or of which refs'),
  sources: z.array(z.strictObject({ repository: z.string(), refs: z.record(refPattern, level) })),
  pullRequests: z
    .enum(['off', 'untrusted'])
    .default('off')
    .refine((given) => given === 'off', 'untrusted is not carried out yet: pull requests start nothing'),
  capabilities: grantsByLevel.optional(),
  secrets: grantsByLevel.optional(),
});
export type Project = z.infer<typeof projectSchema>;

const localProjectsSchema = z.union([
  z.boolean(),
  z.strictObject({ capabilities: z.array(z.string()).optional() }),
]);

/** What tasks of a push may have beyond what every task may. */
export interface Grants {
  readonly capabilities: readonly string[];
  readonly secrets: readonly string[];
}

export const NO_GRANTS: Grants = { capabilities: [], secrets: [] };

const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, 'is no duration such as "28 days" or "12 hours"')
  .refine((text) => (parseDuration(text) ?? 0) <= LONGEST_SECONDS, 'is longer than 100 years');

/** How long things live that nobody uses, and how often it is looked for those that have. */
export const collectorSchema = z.strictObject({
  every: duration.optional(),
  life: z.strictObject({ 1: duration.optional(), 2: duration.optional(), 3: duration.optional() }).optional(),
});

/** Of each level: whether the images that are built there are kept as tarballs too, where slipway.yml does not say it. */
export const tarballSchema = z.strictObject({
  1: tarballKeepingSchema.optional(),
  2: tarballKeepingSchema.optional(),
  3: tarballKeepingSchema.optional(),
});

/** `slipway.config.yml`: who is what. Never the pusher's or the tree's to say. */
export const serverConfigSchema = z.strictObject({
  version: z.literal(1),
  localProjects: localProjectsSchema.default(true),
  projects: z.record(z.string().regex(NAME_PATTERN), projectSchema).default({}),
  tarball: tarballSchema.optional(),
  collector: collectorSchema.optional(),
  keepFailed: duration
    .optional()
    .describe('How long the container of a failed task is kept that asks for it'),
});
export type ServerConfig = z.infer<typeof serverConfigSchema>;

/**
 * What tasks of a project may have on a level. A local project that the configuration does not name has the capabilities that
 * `localProjects` grants, which are none unless it says so, and no secrets.
 */
export function grantsOf(
  { projects, localProjects }: Pick<ServerConfig, 'projects' | 'localProjects'>,
  { project, level: ofLevel }: { readonly project: string; readonly level: Level },
): Grants {
  const named = projects[project];
  if (named) {
    const { capabilities, secrets } = named;
    return { capabilities: capabilities?.[ofLevel] ?? [], secrets: secrets?.[ofLevel] ?? [] };
  }
  const local = typeof localProjects === 'object' ? localProjects.capabilities : undefined;
  return { ...NO_GRANTS, ...(local ? { capabilities: local } : {}) };
}

/** Levels that refs of some project have, in order. */
export function levelsOf({ projects }: ServerConfig): readonly Level[] {
  const named = Object.values(projects).flatMap(({ sources }) =>
    sources.flatMap(({ refs }) => Object.values(refs)),
  );
  return LEVELS.filter((one) => named.includes(one));
}

/** Whether tasks of a level may have private engines in any project. */
export function grantsDind(config: ServerConfig, ofLevel: Level): boolean {
  const projects = Object.keys(config.projects);
  // A project of no name stands for the local ones, which are of level 1.
  const owners = ofLevel === 1 ? [...projects, ''] : projects;
  return owners.some((project) =>
    grantsOf(config, { project, level: ofLevel }).capabilities.includes('dind'),
  );
}

/** How images of a level keep their tarball that do not say it themselves. */
export function tarballOf({ tarball }: ServerConfig, ofLevel: Level): TarballKeeping {
  return tarball?.[ofLevel] ?? 'view';
}

/** How long the container of a failed task is kept that asks for it. */
export function keepFailedSeconds({ keepFailed = '30 minutes' }: ServerConfig): number {
  return milliseconds(keepFailed) / 1000;
}

/** How often each level's collector runs. */
export function collectorIntervalMs({ collector }: ServerConfig): number {
  return milliseconds(collector?.every ?? '1 day');
}

/** How long what nobody uses is kept on a level. */
export function lifeMsOf({ collector }: ServerConfig, ofLevel: Level): number {
  return milliseconds(collector?.life?.[ofLevel] ?? (ofLevel === 1 ? '28 days' : '1 year'));
}

function milliseconds(text: string): number {
  return (parseDuration(text) ?? 0) * 1000;
}
