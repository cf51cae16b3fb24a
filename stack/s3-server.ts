import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connections } from '../model/schema/connections.ts';
import { givenKeys } from '../model/schema/connections.ts';
import type { Principals } from '../store/bucket-policy.ts';
import { writeJsonFile } from './json-file.ts';
import type { KeyPair, Settings } from './settings.ts';
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
  await writeJsonFile(join(paths.storeUsers, 'users.json'), usersOf(options.settings));
  return {
    name: 's3',
    command: [
      program,
      '--quiet',
      '--keep-alive',
      '--port',
      `127.0.0.1:${options.port}`,
      '--iam-dir',
      paths.storeUsers,
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

/** How to reach the server that {@link s3Process} starts, by its own keys or others'. */
export function s3Connection(port: number, { accessKeyId, secretAccessKey }: KeyPair): Connections['store'] {
  return {
    endpoint: `http://127.0.0.1:${port}`,
    region: REGION,
    bucket: BUCKET,
    accessKeyId,
    secretAccessKey,
  };
}

/** Which of our users is who, for the bucket's policy. */
export function principalsOf({ keys }: Settings): Principals {
  const { client, ...levels } = keys;
  return {
    client: client.accessKeyId,
    levels: { 1: levels[1].accessKeyId, 2: levels[2].accessKeyId, 3: levels[3].accessKeyId },
  };
}

/** The server's file of users: everyone without rights of their own; the bucket's policy gives them. */
function usersOf({ keys }: Settings): unknown {
  const users = Object.values(keys).map(({ accessKeyId, secretAccessKey }) => [
    accessKeyId,
    { access: accessKeyId, secret: secretAccessKey, role: 'user' },
  ]);
  return { accessAccounts: Object.fromEntries(users) as unknown };
}

/** The store that the environment names, or undefined. @throws {ConfigInvalid} when half of its keys is named. */
export function givenStore(env: NodeJS.ProcessEnv): Connections['store'] | undefined {
  const endpoint = env['SLIPWAY_S3_ENDPOINT'];
  if (!endpoint) return undefined;
  return {
    endpoint,
    region: env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || REGION,
    bucket: env['SLIPWAY_S3_BUCKET'] || BUCKET,
    ...givenKeys(env),
  };
}
