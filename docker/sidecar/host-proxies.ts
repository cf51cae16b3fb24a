/** As BuildKit knows them without an `ARG`; programs look for them in either case. */
const NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'ALL_PROXY'];
const EXCEPTIONS = ['NO_PROXY'];
const LOOPBACK = /^([a-z][a-z0-9+.-]*:\/\/)?([^@/]*@)?(localhost|127\.[0-9.]+|\[::1\])([:/]|$)/i;

/**
 * The variables that send programs of this machine through a proxy, as this process has them. None where the proxy is on the loopback,
 * which is another one in a container. An engine asks its own loopback without any, and so our image endpoint.
 */
export function hostProxies(env: NodeJS.ProcessEnv = process.env): Readonly<Record<string, string>> {
  const named = (names: readonly string[]): readonly (readonly [string, string])[] =>
    names
      .flatMap((name) => [name, name.toLowerCase()])
      .flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  const proxies = named(NAMES).filter(([, value]) => !LOOPBACK.test(value));
  return proxies.length === 0 ? {} : Object.fromEntries([...proxies, ...named(EXCEPTIONS)]);
}
