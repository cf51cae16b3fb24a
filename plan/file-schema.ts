import { z } from 'zod';
import { slipwayYmlSchema } from '../model/schema/slipway-yml.ts';
import { taskSchema } from '../model/schema/task.ts';

const taskPartSchema = taskSchema.partial();

/** slipway.yml as people write it: a task may leave to `defaults` whatever it likes, its image too. */
export const fileSchema = slipwayYmlSchema.extend({ tasks: z.record(z.string(), taskPartSchema).optional() });

export type FileForm = z.infer<typeof fileSchema>;

/** A task before, or `defaults`. */
export type TaskPart = z.infer<typeof taskPartSchema>;
