import { z } from 'zod';
import { parseDuration } from '../pure/duration.ts';
import type { Level } from '../pure/ids.ts';
import { NAME_PATTERN } from '../pure/ids.ts';
import type { TarballKeeping } from './task.ts';
import { tarballKeepingSchema } from './task.ts';

const level = z.union([z.literal(1), z.literal(2), z.literal(3)]);

export const projectSchema = z.strictObject({
  trustDomain: z.string().regex(NAME_PATTERN).optional(),
  visibility: z.enum(['private', 'public']).default('private'),
  sources: z.array(z.strictObject({ repository: z.string(), refs: z.record(z.string(), level) })),
  pullRequests: z.enum(['off', 'untrusted']).default('off'),
  capabilities: z.record(z.string(), z.array(z.string())).optional(),
  secrets: z.record(z.string(), z.array(z.string())).optional(),
});
export type Project = z.infer<typeof projectSchema>;

const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, 'is no duration such as "28 days" or "12 hours"');

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
  localProjects: z.boolean().default(true),
  projects: z.record(z.string().regex(NAME_PATTERN), projectSchema).default({}),
  tarball: tarballSchema.optional(),
  collector: collectorSchema.optional(),
});
export type ServerConfig = z.infer<typeof serverConfigSchema>;

/** How images of a level keep their tarball that do not say it themselves. */
export function tarballOf({ tarball }: ServerConfig, ofLevel: Level): TarballKeeping {
  return tarball?.[ofLevel] ?? 'view';
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
