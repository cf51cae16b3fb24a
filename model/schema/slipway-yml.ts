import { z } from 'zod';
import { imageDefinitionSchema, imageFormSchema, taskSchema } from './task.ts';

/** What of a task says how it is run; the rest says what it is, or gives, or waits for. */
const ofRunning = taskSchema.pick({
  env: true,
  maxRunTime: true,
  deadline: true,
  retries: true,
  priority: true,
  resources: true,
  checkout: true,
  user: true,
  network: true,
  cache: true,
  features: true,
  capabilities: true,
  secrets: true,
}).shape;

/** Fields that a decision program may have, and takes from `defaults`. */
export const FIELDS_OF_DECISION: readonly string[] = Object.keys(ofRunning);

/** The whole of slipway.yml. `x-*` members at the top level are dropped before this schema sees it. */
export const slipwayYmlSchema = z.strictObject({
  version: z.literal(1),
  images: z.record(z.string(), imageDefinitionSchema).optional(),
  defaults: taskSchema.partial().optional(),
  tasks: z.record(z.string(), taskSchema).optional(),
  decision: z
    .strictObject({ image: imageFormSchema, command: taskSchema.shape.command.unwrap(), ...ofRunning })
    .optional(),
});

export type SlipwayYml = z.infer<typeof slipwayYmlSchema>;
