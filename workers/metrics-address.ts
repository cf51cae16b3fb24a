import { isIP } from 'node:net';
import { ConfigInvalid } from '../model/errors.ts';

/** Where a worker gives numbers out to Prometheus, as the environment says; undefined: nowhere. @throws {ConfigInvalid} */
export function givenMetricsAddress(env: NodeJS.ProcessEnv): string | undefined {
  const given = env.SLIPWAY_METRICS_ADDRESS;
  if (!given) return undefined;
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(given) ?? [];
  const isIPv6 = host.startsWith('[') && host.endsWith(']') && isIP(host.slice(1, -1)) === 6;
  if ((isIP(host) === 4 || isIPv6) && Number(port) > 0 && Number(port) < 65_536) return given;
  throw new ConfigInvalid(
    `SLIPWAY_METRICS_ADDRESS is "${given}": expected an IP address and a port, like 127.0.0.1:9464`,
  );
}
