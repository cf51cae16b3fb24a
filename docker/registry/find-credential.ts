import type { DockerAuth } from '../../model/schema/docker-config.ts';
import { userAndPassword } from '../../model/schema/docker-config.ts';
import { askHelper } from './ask-helper.ts';
import type { CredentialsFile } from './credentials-file.ts';
import { nameOfFile } from './credentials-file.ts';
import { readDockerConfig } from './read-docker-config.ts';
import type { RegistryCredential } from './registry-credential.ts';
import { hostOfKey } from './registry-key.ts';

/**
 * Finds the credential for a registry as docker does: its own helper is asked, else the helper of all, and `auths` only where there
 * is neither. The file is read each time, so that what it says now counts.
 *
 * @throws {ConfigInvalid} when the file is wrong, or a helper is not there. @throws {EngineRequestFailed} when a helper fails, which may pass.
 */
export async function findCredential(
  file: CredentialsFile,
  key: string,
  { doing, signal }: { readonly doing: string; readonly signal: AbortSignal },
): Promise<RegistryCredential | undefined> {
  const { auths = {}, credsStore, credHelpers = {} } = await readDockerConfig(file);
  const helper = credHelpers[key] ?? credsStore;
  if (helper) return askHelper(helper, key, { namedBy: nameOfFile(file), doing, signal });
  const auth = auths[key] ?? Object.entries(auths).find(([name]) => hostOfKey(name) === key)?.[1];
  return auth && credentialOf(auth);
}

/** A client that has the credential elsewhere, or logged out, leaves an empty entry. */
function credentialOf(entry: DockerAuth): RegistryCredential | undefined {
  const { auth, identitytoken, registrytoken } = entry;
  const [username, password] = (auth && userAndPassword(auth)) || [entry.username, entry.password];
  const credential = {
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(identitytoken ? { identitytoken } : {}),
    ...(registrytoken ? { registrytoken } : {}),
  };
  return Object.keys(credential).length > 0 ? credential : undefined;
}
