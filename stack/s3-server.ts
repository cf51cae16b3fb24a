import { mkdir } from 'node:fs/promises';
import { ConfigInvalid } from '../model/errors.ts';
import type { Connections } from '../model/schema/connections.ts';
import type { Settings } from './settings.ts';
import type { StatePaths } from './state-directory.ts';
import type { ProcessSpec } from './supervise.ts';

const REGION = 'us-east-1';
const BUCKET = 'slipway';

/**
 * The S3 server as a process on loopback. `metadata` says where it keeps what belongs to an object: in extended
 * attributes of the file, or in files of their own where the file system has none.
 */
export async function s3Process(
  program: string,
  paths: StatePaths,
  options: {
    readonly port: number;
    readonly settings: Settings;
    readonly metadata: 'xattr' | 'files';
    readonly env: NodeJS.ProcessEnv;
  },
): Promise<ProcessSpec> {
  const aside = options.metadata === 'files' ? ['--sidecar', paths.storeMetadata] : [];
  if (aside.length > 0) await mkdir(paths.storeMetadata, { recursive: true, mode: 0o700 });
  return {
    name: 's3',
    command: [
      program,
      '--quiet',
      '--keep-alive',
      '--port',
      `127.0.0.1:${options.port}`,
      'posix',
      ...aside,
      paths.store,
    ],
    // The keys go by the environment: arguments are for everyone to see.
    env: {
      ...options.env,
      ROOT_ACCESS_KEY: options.settings.accessKeyId,
      ROOT_SECRET_KEY: options.settings.secretAccessKey,
      VGW_REGION: REGION,
    },
    graceMs: 10_000,
  };
}

/** How to reach the server that {@link s3Process} starts. */
export function s3Connection(port: number, settings: Settings): Connections['store'] {
  const { accessKeyId, secretAccessKey } = settings;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: REGION,
    bucket: BUCKET,
    accessKeyId,
    secretAccessKey,
  };
}

/** The store that the environment names, or undefined. @throws {ConfigInvalid} when half of it is named. */
export function givenStore(env: NodeJS.ProcessEnv): Connections['store'] | undefined {
  const endpoint = env['SLIPWAY_S3_ENDPOINT'];
  if (!endpoint) return undefined;
  const [accessKeyId, secretAccessKey] = [env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY']];
  if (Boolean(accessKeyId) !== Boolean(secretAccessKey)) {
    throw new ConfigInvalid(
      'Only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set; set both, or none to use a profile',
    );
  }
  return {
    endpoint,
    region: env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || REGION,
    bucket: env['SLIPWAY_S3_BUCKET'] || BUCKET,
    accessKeyId,
    secretAccessKey,
  };
}
