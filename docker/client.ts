import { Agent } from 'node:http';
import Docker from 'dockerode';
import { ConfigInvalid } from '../model/errors.ts';
import { limitSilence } from './limit-silence.ts';

/**
 * A client of the engine at `unix:///path` or `tcp://host:port`; nothing is sent yet.
 *
 * @throws {ConfigInvalid} for another kind of address.
 */
export function dockerAt(address: string): Docker {
  // A connection kept alive over a restart of the engine breaks the next request, so each request has its own.
  const agent = new Agent({ keepAlive: false });
  const options = { ...NOTHING_FROM_THE_ENVIRONMENT, ...target(address), agent };
  const docker = new Docker(options);
  limitSilence(docker);
  return docker;
}

/** Else docker-modem would take DOCKER_HOST and its friends where we say nothing. */
const NOTHING_FROM_THE_ENVIRONMENT = {
  protocol: 'http',
  host: undefined,
  port: undefined,
  socketPath: undefined,
  pathPrefix: '/',
  ca: undefined,
  cert: undefined,
  key: undefined,
  timeout: undefined,
} as const;

function target(address: string): { socketPath: string } | { host: string; port: number } {
  const url = URL.parse(address);
  if (url?.protocol === 'unix:' && url.pathname.length > 1) return { socketPath: decodeURI(url.pathname) };
  if (url?.protocol === 'tcp:' && url.hostname && url.port)
    return { host: url.hostname, port: Number(url.port) };
  throw new ConfigInvalid(`Engine address "${address}": expected unix:///path or tcp://host:port`);
}
