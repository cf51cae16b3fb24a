import type Docker from 'dockerode';
import { EngineRequestFailed } from '../../model/errors.ts';
import { detailOf, isSilence } from '../engine-errors.ts';
import type { AskWith } from '../registry/registry-login.ts';
import { findLogin } from '../registry/registry-login.ts';
import { asRegistryError } from './registry-answer.ts';

/** Asks a registry, through the engine and with the credentials that are there for it, what it has under a reference. */
export async function registryDigest(
  from: AskWith & { readonly docker: Docker; readonly address: string },
  reference: string,
  signal: AbortSignal,
): Promise<string> {
  const { docker, address } = from;
  const doing = `look up image ${reference}`;
  signal.throwIfAborted();
  const login = await findLogin(from, reference, { doing, signal });
  try {
    const { authconfig } = login;
    const answer = (await docker.getImage(reference).distribution({ authconfig })) as {
      Descriptor?: { digest?: string };
    };
    const digest = answer.Descriptor?.digest;
    if (digest !== undefined) return digest;
  } catch (error) {
    const silence = (await waitsForRegistry(docker, error)) && `the registry gives ${detailOf(error)}`;
    const said = silence ? new EngineRequestFailed(doing, undefined, silence, { cause: error }) : error;
    throw asRegistryError(said, { reference, address, doing, login, signal });
  }
  throw new EngineRequestFailed(doing, 200, 'the registry named no digest');
}

/** Of an engine that has not answered, but answers something else now. */
async function waitsForRegistry(docker: Docker, error: unknown): Promise<boolean> {
  if (!isSilence(error)) return false;
  return docker.ping().then(
    () => true,
    () => false,
  );
}
