import { userInfo } from 'node:os';

const REFUSED =
  /could not read (Username|Password)|Authentication failed|Permission denied \(|Host key verification failed/;

/** What git says of a repository elsewhere, with where the credentials are taken from if they are what it lacks. */
export function withHintOfCredentials(stderr: string): string {
  if (!REFUSED.test(stderr)) return stderr;
  const said = stderr.replace(/\.$/, '');
  return `${said}. Credentials are those of SLIPWAY_GIT_CONFIG, for ssh the keys and known_hosts of ${user()} on this machine`;
}

/** A container may run a user that has no entry. */
function user(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.()}`;
  }
}
