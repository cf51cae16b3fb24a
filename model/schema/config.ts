import { z } from 'zod';
import { NAME_PATTERN } from '../pure/ids.ts';

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

/** `slipway.config.yml`: who is what. Never the pusher's or the tree's to say. */
export const serverConfigSchema = z.strictObject({
  version: z.literal(1),
  localProjects: z.boolean().default(true),
  projects: z.record(z.string().regex(NAME_PATTERN), projectSchema).default({}),
});
export type ServerConfig = z.infer<typeof serverConfigSchema>;
