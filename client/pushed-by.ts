import { userInfo } from 'node:os';

/** Who pushes, as far as this machine knows: the server's user, the committer that git was told, the login. */
export function pushedBy(env: NodeJS.ProcessEnv): string {
  return (
    env.REMOTE_USER ||
    env.GIT_COMMITTER_EMAIL ||
    env.GIT_COMMITTER_NAME ||
    env.USER ||
    env.LOGNAME ||
    loginName()
  );
}

/** A container may run a user that has no entry. */
function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
