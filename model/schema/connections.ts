import { z } from 'zod';

/**
 * How to reach the parts of one installation: what `up` writes to `stack.json` in the state directory, what the
 * environment can say instead, and what every worker and client verb reads.
 */
export const connectionsSchema = z.object({
  version: z.literal(1),
  /** Random name of this installation; labels everything that it makes in an engine. */
  fleet: z.string().regex(/^[a-z0-9-]{1,32}$/),
  temporal: z.object({ address: z.string(), namespace: z.string(), uiUrl: z.string().optional() }),
  store: z.object({
    endpoint: z.string().optional(),
    region: z.string(),
    bucket: z.string(),
    accessKeyId: z.string().optional(),
    secretAccessKey: z.string().optional(),
  }),
  /** Engines: `unix:///path` or `tcp://127.0.0.1:port`. */
  runnerEngine: z.string(),
  /** An engine given for builds by configuration; without it builders make dind sidecars in the runner's engine. */
  builderEngine: z.string().optional(),
  /** Image of the builder's sidecar, as known to the runner's engine. */
  sidecarImage: z.string().optional(),
  /** Absolute path of slipway.config.yml. */
  serverConfig: z.string(),
  /** Directory for mirrors and other data that can be made again. */
  stateDirectory: z.string(),
  /** A short directory for unix sockets (their paths may have 107 bytes). */
  runtimeDirectory: z.string(),
});
export type Connections = z.infer<typeof connectionsSchema>;
