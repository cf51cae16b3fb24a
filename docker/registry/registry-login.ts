import { isSlipwayError } from '../../model/errors.ts';
import { detailOf, statusCodeOf } from '../engine-errors.ts';
import type { EngineInfo } from '../engine.ts';
import type { CredentialsFile } from './credentials-file.ts';
import { nameOfFile } from './credentials-file.ts';
import { findCredential } from './find-credential.ts';
import type { RegistryCredential } from './registry-credential.ts';
import { registryKey } from './registry-key.ts';

export interface AskWith {
  readonly credentials?: CredentialsFile | undefined;
  readonly info: Pick<EngineInfo, 'indexServerAddress'>;
}

/** How a registry is asked for an image. */
export interface RegistryLogin {
  /** For the engine, with each request; undefined: without credentials. */
  readonly authconfig?: RegistryCredential & { readonly serveraddress: string };
  /** What helps when the registry says that the image is not for us. */
  readonly advice: string;
  /** The same error, with nothing of the credential in its words. */
  clean(error: unknown): unknown;
}

/**
 * Finds out how the registry of an image is asked: with its own credential and with nobody else's. One's own login that is of no use is
 * left alone, as by docker, and told of when the registry refuses.
 *
 * @throws {ConfigInvalid} when the file that was named, or its helper, is wrong. @throws {EngineRequestFailed} when a helper fails.
 */
export async function findLogin(
  { credentials: file, info }: AskWith,
  reference: string,
  options: { readonly doing: string; readonly signal: AbortSignal },
): Promise<RegistryLogin> {
  const key = registryKey(reference, info.indexServerAddress);
  if (key === undefined) return without('the engine does not say what its default registry is called');
  const registry = `registry "${key}"`;
  if (!file)
    return without(
      `${registry} was asked without credentials: set SLIPWAY_DOCKER_CONFIG to a config.json of docker that has some`,
    );
  const named = nameOfFile(file);
  const login = key === info.indexServerAddress ? 'docker login' : `docker login ${key}`;
  const todo = file.isOwn ? `type: ${login}` : 'add some, in the form that docker login writes';
  try {
    const credential = await findCredential(file, key, options);
    if (!credential) return without(`${named} has no credentials for ${registry}; ${todo}`);
    return {
      authconfig: { ...credential, serveraddress: key },
      advice: `${registry} was asked with the credentials of ${named}: log in again, or as somebody who may have the image`,
      clean: (error) => withoutSecrets(error, credential),
    };
  } catch (error) {
    options.signal.throwIfAborted();
    if (!file.isOwn || !isSlipwayError(error)) throw error;
    return without(`${registry} was asked without credentials: ${error.message}`);
  }
}

function without(advice: string): RegistryLogin {
  return { advice, clean: (error) => error };
}

/** Engines hand on what a registry says, which may repeat what it was told. */
function withoutSecrets(error: unknown, credential: RegistryCredential): unknown {
  const { username = '', password, identitytoken, registrytoken } = credential;
  const basic = password && Buffer.from(`${username}:${password}`).toString('base64');
  const secrets = [basic, password, identitytoken, registrytoken].filter((secret) => secret !== undefined);
  const detail = detailOf(error);
  const words = `${detail} ${error instanceof Error ? error.message : ''}`;
  if (!secrets.some((secret) => words.includes(secret))) return error;
  const shown = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), detail);
  return Object.assign(new Error(shown), { statusCode: statusCodeOf(error) });
}
