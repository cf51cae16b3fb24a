import type Docker from 'dockerode';
import { EngineRequestFailed } from '../../model/errors.ts';
import { asRegistryError } from './registry-answer.ts';

/** Asks a registry, through the engine and with its rights, what it has under a reference. */
export async function registryDigest(
  { docker, address }: { readonly docker: Docker; readonly address: string },
  reference: string,
  signal: AbortSignal,
): Promise<string> {
  const doing = `look up image ${reference}`;
  signal.throwIfAborted();
  try {
    const answer = (await docker.getImage(reference).distribution()) as { Descriptor?: { digest?: string } };
    const digest = answer.Descriptor?.digest;
    if (digest !== undefined) return digest;
  } catch (error) {
    throw asRegistryError(error, { reference, address, doing, signal });
  }
  throw new EngineRequestFailed(doing, 200, 'the registry named no digest');
}
