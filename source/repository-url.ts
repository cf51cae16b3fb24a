import { createHash } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RepositoryUnavailable } from '../model/errors.ts';

/** Thrown when a repository is not to be read at all; repeating does not help. */
export class RepositoryRefused extends RepositoryUnavailable {
  override get retryable(): boolean {
    return false;
  }
}

export interface RepositoryUrl {
  readonly url: string;
  /** Names the repository's mirror: hex of the hash of the URL. */
  readonly key: string;
  /** Where a local repository lies, when it is one. */
  readonly directory?: string;
}

/** scp's way of writing an ssh URL, as in git@host:path. */
const SCP_FORM = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!\/\/)[^-].*$/;
const REMOTE_HELPER = /^[A-Za-z0-9+.-]*::/;

const UNPRINTABLE = /[\u0000-\u0020\u007f]/;

/**
 * Checks a repository's address before git sees it: https, ssh and, if allowed, an absolute path or file URL.
 * @throws {RepositoryUnavailable} for everything else: options in disguise, remote helpers, other protocols, credentials.
 */
export function parseRepository(repository: string, options: { readonly allowFile: boolean }): RepositoryUrl {
  const refuse = (why: string): RepositoryRefused => new RepositoryRefused(withoutPassword(repository), why);
  if (repository.startsWith('-')) throw refuse('an address does not begin with "-"');
  if (REMOTE_HELPER.test(repository)) throw refuse('remote helpers ("name::address") are not allowed');
  const key = createHash('sha256').update(repository).digest('hex').slice(0, 40);
  const directory = localDirectory(repository);
  if (directory !== undefined) {
    if (!options.allowFile) throw refuse('local repositories are not allowed here');
    if (directory.includes('\0')) throw refuse('a path has no NUL');
    return { url: repository, key, directory };
  }
  if (UNPRINTABLE.test(repository)) throw refuse('an address has no spaces or control characters');
  if (!repository.includes('://')) {
    if (SCP_FORM.test(repository)) return { url: repository, key };
    throw refuse('it is no https or ssh address, file URL or absolute path');
  }
  checkUrl(repository, refuse);
  return { url: repository, key };
}

function checkUrl(repository: string, refuse: (why: string) => Error): void {
  const url = URL.canParse(repository) ? new URL(repository) : undefined;
  if (!url) throw refuse('it is no URL');
  if (url.protocol !== 'https:' && url.protocol !== 'ssh:')
    throw refuse(`the protocol "${url.protocol.slice(0, -1)}" is not allowed; https, ssh and file are`);
  if (url.hostname === '' || url.hostname.startsWith('-') || url.username.startsWith('-'))
    throw refuse('it names no host');
  if (url.search || url.hash) throw refuse('an address has no options ("?" or "#")');
  if (url.password || (url.protocol === 'https:' && url.username))
    throw refuse(
      'credentials belong into the git configuration that SLIPWAY_GIT_CONFIG names, not into the address',
    );
}

function localDirectory(repository: string): string | undefined {
  if (isAbsolute(repository)) return repository;
  if (!repository.startsWith('file:///')) return undefined;
  try {
    return fileURLToPath(repository);
  } catch {
    return undefined;
  }
}

/** For messages: an address that is refused may be so because a secret stands in it. */
function withoutPassword(repository: string): string {
  return repository.replace(/^([a-z+]+:\/\/)[^/@]*@/i, '$1***@');
}
