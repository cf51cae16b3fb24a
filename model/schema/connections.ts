import { resolve } from 'node:path';
import { z } from 'zod';
import { parseDiskBudget } from '../disk-budget.ts';
import { parseMountLimit } from '../mount-limit.ts';
import { ConfigInvalid } from '../errors.ts';
import type { Level } from '../pure/ids.ts';
import { LEVELS } from '../pure/ids.ts';

const layersSchema = z.enum(['gzip', 'zstd']);

/** Paths of PEM files. An empty one is TLS with the authorities that the machine trusts. */
const tlsSchema = z.object({
  caFile: z.string().optional(),
  certFile: z.string().optional(),
  keyFile: z.string().optional(),
  serverName: z.string().optional(),
});

/**
 * How to reach the parts of one installation: what `up` writes to `stack.json` in the state directory, what the
 * environment can say instead, and what every worker and client verb reads.
 */
export const connectionsSchema = z.object({
  version: z.literal(1),
  /** Random name of this installation; labels everything that it makes in an engine. */
  fleet: z.string().regex(/^[a-z0-9-]{1,32}$/),
  temporal: z.object({
    address: z.string(),
    namespace: z.string(),
    /** Levels that have a namespace of their own; the others share `namespace`. */
    namespaces: z.record(z.string().regex(/^[123]$/), z.string()).optional(),
    uiUrl: z.string().optional(),
    apiKey: z.string().optional(),
    tls: tlsSchema.optional(),
  }),
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
  /** What Slipway may take in each engine: `40 GB`, `30%` of its disk, `none`; by default a part of the disk. */
  diskBudget: z
    .string()
    .refine((text) => parseDiskBudget(text) !== undefined, 'expected 40 GB, 30% or none')
    .optional(),
  /** What builders compress layers with where the engine leaves the choice; without it gzip, which every engine reads. */
  layers: layersSchema.optional(),
  /** What is kept of a cache mount at most: `2 GB`, `none` for no limit, `off`; without it 2 GB. */
  cacheMountLimit: z
    .string()
    .refine((text) => parseMountLimit(text) !== undefined, 'expected 2 GB, none or off')
    .optional(),
  /** Absolute path of slipway.config.yml. */
  serverConfig: z.string(),
  /** Directory for mirrors and other data that can be made again. */
  stateDirectory: z.string(),
  /** A short directory for unix sockets (their paths may have 107 bytes). */
  runtimeDirectory: z.string(),
});
export type Connections = z.infer<typeof connectionsSchema>;

/** The Temporal namespace in which a level's workflows are. */
export function namespaceOf({ namespace, namespaces }: Connections['temporal'], level: Level): string {
  return namespaces?.[String(level)] ?? namespace;
}

/** The connections as a worker of one level has them: that level's namespace is the only one it knows. */
export function connectionsOfLevel(connections: Connections, level: Level): Connections {
  const { temporal } = connections;
  const { namespaces: _others, ...rest } = temporal;
  return { ...connections, temporal: { ...rest, namespace: namespaceOf(temporal, level) } };
}

/** What `SLIPWAY_LAYERS` says. @throws {ConfigInvalid} when that is nothing that engines read. */
export function givenLayers(env: NodeJS.ProcessEnv): Pick<Connections, 'layers'> {
  const given = env['SLIPWAY_LAYERS'];
  if (!given) return {};
  const layers = layersSchema.safeParse(given);
  if (!layers.success) throw new ConfigInvalid(`SLIPWAY_LAYERS is "${given}": it can be gzip or zstd`);
  return { layers: layers.data };
}

/** What `SLIPWAY_CACHE_MOUNTS` says. @throws {ConfigInvalid} when that is no limit. */
export function givenMountLimit(env: NodeJS.ProcessEnv): Pick<Connections, 'cacheMountLimit'> {
  const given = env['SLIPWAY_CACHE_MOUNTS'];
  if (!given) return {};
  if (parseMountLimit(given) !== undefined) return { cacheMountLimit: given };
  throw new ConfigInvalid(`SLIPWAY_CACHE_MOUNTS is "${given}": expected 2 GB, none or off`);
}

/** The S3 keys that the environment names; none: the AWS SDK looks for some. @throws {ConfigInvalid} when it names one of the two alone. */
export function givenKeys(
  env: NodeJS.ProcessEnv,
): Pick<Connections['store'], 'accessKeyId' | 'secretAccessKey'> {
  const accessKeyId = env['AWS_ACCESS_KEY_ID'] || undefined;
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'] || undefined;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    throw new ConfigInvalid(
      'Only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set; set both, or none to use a profile',
    );
  return { accessKeyId, secretAccessKey };
}

/** The Temporal server that the environment names, by the variables of Temporal's own tools; undefined when it names none. */
export function givenTemporal(env: NodeJS.ProcessEnv): Connections['temporal'] | undefined {
  const address = env['TEMPORAL_ADDRESS'];
  if (!address) return undefined;
  return {
    address,
    namespace: env['TEMPORAL_NAMESPACE'] || 'default',
    ...givenNamespaces(env),
    uiUrl: env['TEMPORAL_UI_URL'],
    ...givenIdentity(env),
  };
}

/** What the environment says of namespaces: `SLIPWAY_NAMESPACE_<level>` for levels that have one of their own. */
export function givenNamespaces(env: NodeJS.ProcessEnv): Pick<Connections['temporal'], 'namespaces'> {
  const named = LEVELS.map((level) => [String(level), env[`SLIPWAY_NAMESPACE_${level}`] ?? ''] as const);
  const given = named.filter(([, namespace]) => namespace !== '');
  return given.length === 0 ? {} : { namespaces: Object.fromEntries(given) };
}

/** As in Temporal's own tools an API key, or a file of any kind, means TLS; `TEMPORAL_TLS=false` means none. @throws {ConfigInvalid} */
function givenIdentity(env: NodeJS.ProcessEnv): Pick<Connections['temporal'], 'apiKey' | 'tls'> {
  const apiKey = env['TEMPORAL_API_KEY'] || undefined;
  const tls = {
    caFile: absolute(env['TEMPORAL_TLS_SERVER_CA_CERT_PATH']),
    certFile: absolute(env['TEMPORAL_TLS_CLIENT_CERT_PATH']),
    keyFile: absolute(env['TEMPORAL_TLS_CLIENT_KEY_PATH']),
    serverName: env['TEMPORAL_TLS_SERVER_NAME'] || undefined,
  };
  if ((tls.certFile === undefined) !== (tls.keyFile === undefined))
    throw new ConfigInvalid(
      'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH belong together: give both or none',
    );
  const said = env['TEMPORAL_TLS'] || undefined;
  if (said !== undefined && !['true', 'false', '1', '0'].includes(said))
    throw new ConfigInvalid(`TEMPORAL_TLS is "${said}": it can be true or false`);
  const isOn = said ? ['true', '1'].includes(said) : [apiKey, ...Object.values(tls)].some(Boolean);
  return { ...(apiKey ? { apiKey } : {}), ...(isOn ? { tls } : {}) };
}

/** What is written down is read from other directories too. */
function absolute(path: string | undefined): string | undefined {
  return path ? resolve(path) : undefined;
}
