import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigInvalid } from '../model/errors.ts';
import { grantsOf } from '../model/schema/config.ts';
import type { ServerConfig } from '../model/schema/config.ts';
import type { SecretSource } from '../model/secret-source.ts';

const PREFIX = 'SLIPWAY_SECRET_';

/**
 * The secrets that a worker was given: files of `SLIPWAY_SECRETS_DIR`, else variables `SLIPWAY_SECRET_<NAME>`. The variables are
 * taken out of the environment, so that no process which the worker starts has them.
 */
export function takeSecrets(env: NodeJS.ProcessEnv): SecretSource {
  const values = new Map<string, Buffer>();
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || value === undefined) continue;
    values.set(variable.slice(PREFIX.length), Buffer.from(value));
    delete env[variable];
  }
  const directory = env['SLIPWAY_SECRETS_DIR'];
  return {
    find: async (name) => (directory ? await readSecret(directory, name) : undefined) ?? values.get(name),
  };
}

/**
 * The same, but only what the server's configuration grants, where the worker has it: a plan alone does not open what a worker of
 * several levels' machine was given.
 */
export function onlyGranted(
  source: SecretSource,
  readConfig: () => Promise<ServerConfig | undefined>,
): SecretSource {
  return {
    find: async (name, asker) => {
      const config = await readConfig();
      const isGranted = !config || grantsOf(config, asker).secrets.includes(name);
      return isGranted ? source.find(name, asker) : undefined;
    },
  };
}

/** @throws {ConfigInvalid} when it is there and cannot be read. */
async function readSecret(directory: string, name: string): Promise<Buffer | undefined> {
  try {
    return await readFile(join(directory, name));
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new ConfigInvalid(`Secret ${name} cannot be read from SLIPWAY_SECRETS_DIR (${code})`);
  }
}
