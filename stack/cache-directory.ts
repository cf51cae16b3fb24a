import { homedir } from 'node:os';
import { join } from 'node:path';

/** The user's cache for built tools and images, shared by all checkouts: `$XDG_CACHE_HOME/slipway` or `~/.cache/slipway`. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'slipway');
}
