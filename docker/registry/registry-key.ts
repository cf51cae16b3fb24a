import { parseReference } from '../images/image-reference.ts';

/**
 * What docker keeps the credentials for an image's registry under: the registry's host as the reference names it. For the default
 * registry it is the address that the engine says; undefined when it says none.
 */
export function registryKey(reference: string, defaultRegistry: string | undefined): string | undefined {
  const { repository } = parseReference(reference);
  const [first = '', ...path] = repository.split('/');
  const isHost = path.length > 0 && (/[.:A-Z]/.test(first) || first === 'localhost');
  return isHost && !isDefault(first, defaultRegistry) ? first : defaultRegistry;
}

/** The host of a key, which older clients wrote as an address: `https://host/v1/`. */
export function hostOfKey(key: string): string {
  return key.replace(/^[a-z][a-z0-9+.-]*:\/\//i, '').split('/')[0] ?? '';
}

/** References name the default registry by the host of its index, or by that without `index.`. */
function isDefault(host: string, defaultRegistry: string | undefined): boolean {
  if (defaultRegistry === undefined) return false;
  const index = hostOfKey(defaultRegistry);
  return host === index || `index.${host}` === index;
}
