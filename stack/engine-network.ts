import { SetupFailed } from '../model/errors.ts';
import { CommandFailed, runCommand } from './run-command.ts';
import { networksOverlap } from './networks-overlap.ts';
import type { StatePaths } from './state-directory.ts';

/** Names and addresses of a private engine's network, all derived from the state directory and one number. */
export interface EngineNetwork {
  readonly bridge: string;
  readonly chain: string;
  /** All addresses that its containers can have. */
  readonly pool: string;
  /** The bridge's own address with its prefix. */
  readonly gateway: string;
}

export interface NetworkOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
}

const FIRST_OCTET = 128;
const OCTETS = 96;

/** The network with a given second octet. */
export function engineNetwork(paths: StatePaths, octet: number): EngineNetwork {
  return {
    bridge: `slipway${paths.short}`,
    chain: `SLIPWAY-${paths.short}`,
    pool: `10.${octet}.0.0/16`,
    gateway: `10.${octet}.0.1/24`,
  };
}

/** The second octet of a 10.x.0.0/16 that no address or route of this machine touches, the former one first. */
export async function chooseOctet(
  paths: StatePaths,
  before: number | undefined,
  options: NetworkOptions,
): Promise<number> {
  const bridge = engineNetwork(paths, FIRST_OCTET).bridge;
  const routes = await runCommand(['ip', '-4', 'route', 'show', 'table', 'all'], options);
  // Left by an `up` that was killed: its containers may still run in it.
  if (before !== undefined && routes.includes(` dev ${bridge} `)) return before;
  const used = (routes.match(/\b\d+\.\d+\.\d+\.\d+(\/\d+)?/g) ?? []).filter((network) => !isVast(network));
  const start = Number.parseInt(paths.short, 16) % OCTETS;
  const candidates = Array.from({ length: OCTETS }, (_, index) => FIRST_OCTET + ((start + index) % OCTETS));
  const wanted = before === undefined ? candidates : [before, ...candidates];
  const free = wanted.find(
    (octet) => !used.some((network) => networksOverlap(network, `10.${octet}.0.0/16`)),
  );
  if (free !== undefined) return free;
  throw new SetupFailed(
    'The private Docker Engine has no network',
    'every 10.x.0.0/16 is in use on this machine',
    'Run an engine of your own and set SLIPWAY_DOCKER_HOST to it',
  );
}

/**
 * Makes the bridge and the firewall's rules of a private engine, or completes what is there of them. The engine itself is
 * told to leave the firewall alone: a second one that manages it flushes the first one's chains. Safe to repeat.
 */
export async function ensureEngineNetwork(network: EngineNetwork, options: NetworkOptions): Promise<void> {
  const { bridge, chain, pool, gateway } = network;
  if (!(await succeeds(['ip', 'link', 'show', bridge], options)))
    await runCommand(['ip', 'link', 'add', 'name', bridge, 'type', 'bridge'], options);
  await runCommand(['ip', 'address', 'replace', gateway, 'dev', bridge], options);
  await runCommand(['ip', 'link', 'set', bridge, 'up'], options);

  // A task and its private engine are on one network, and no others with them; on the bridge that is everybody's each is alone.
  const between = ['!', '-i', bridge, '-s', pool, '-d', pool];
  const within = [...between, '-m', 'physdev', '--physdev-is-bridged', '-j', 'ACCEPT'];
  const rules = {
    filter: [
      // Containers of different networks do not see each other, and nobody opens a connection to one from outside.
      ['-s', pool, '-d', pool, '-j', 'DROP'],
      ['-s', pool, '-j', 'ACCEPT'],
      ['-d', pool, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT'],
      ['-d', pool, '-j', 'DROP'],
    ],
    nat: [['-s', pool, '!', '-d', pool, '-j', 'MASQUERADE']],
  };
  for (const [table, entries] of Object.entries(rules)) {
    const iptables = ['iptables', '--wait', '-t', table] as const;
    if (!(await succeeds([...iptables, '-S', chain], options)))
      await runCommand([...iptables, '-N', chain], options);
    await runCommand([...iptables, '-F', chain], options);
    // A kernel that cannot tell does not show the firewall what stays within one network.
    if (table === 'filter')
      await runCommand([...iptables, '-A', chain, ...within], options).catch(ignoreFailure);
    for (const rule of entries) await runCommand([...iptables, '-A', chain, ...rule], options);
    const from = table === 'nat' ? 'POSTROUTING' : 'FORWARD';
    if (!(await succeeds([...iptables, '-C', from, '-j', chain], options)))
      await runCommand([...iptables, '-I', from, '-j', chain], options);
  }
}

/** Whether bridge and rules are there; a firewall that was loaded anew has lost them. */
export async function isNetworkComplete(
  { bridge, chain }: EngineNetwork,
  options: NetworkOptions,
): Promise<boolean> {
  const found = await Promise.all([
    succeeds(['ip', 'link', 'show', bridge], options),
    succeeds(['iptables', '--wait', '-C', 'FORWARD', '-j', chain], options),
    succeeds(['iptables', '--wait', '-t', 'nat', '-C', 'POSTROUTING', '-j', chain], options),
  ]);
  return found.every(Boolean);
}

/** Removes what {@link ensureEngineNetwork} made, and the bridges of container networks within its pool. Safe to repeat. */
export async function removeEngineNetwork(network: EngineNetwork, options: NetworkOptions): Promise<void> {
  const { chain, pool } = network;
  const attempt = (...command: [string, ...string[]]): Promise<string> =>
    runCommand(command, options).catch(ignoreFailure);
  await attempt('iptables', '--wait', '-D', 'FORWARD', '-j', chain);
  await attempt('iptables', '--wait', '-t', 'nat', '-D', 'POSTROUTING', '-j', chain);
  for (const table of ['filter', 'nat']) {
    await attempt('iptables', '--wait', '-t', table, '-F', chain);
    await attempt('iptables', '--wait', '-t', table, '-X', chain);
  }
  for (const bridge of await bridgesIn(pool, options)) await attempt('ip', 'link', 'delete', bridge);
  await attempt('ip', 'link', 'delete', network.bridge);
}

async function bridgesIn(pool: string, options: NetworkOptions): Promise<readonly string[]> {
  const lines = await runCommand(['ip', '-4', '-oneline', 'address', 'show'], options).catch(ignoreFailure);
  return lines.split('\n').flatMap((line) => {
    const found = /^\d+:\s+(br-\S+)\s+inet\s+(\S+)/.exec(line);
    return found?.[1] && found[2] && networksOverlap(found[2], pool) ? [found[1]] : [];
  });
}

/** A route to all of the private addresses (a VPN's, say) does not take a part of them. */
function isVast(network: string): boolean {
  return Number(network.split('/')[1] ?? 32) <= 8;
}

async function succeeds(command: readonly [string, ...string[]], options: NetworkOptions): Promise<boolean> {
  return runCommand(command, options).then(
    () => true,
    (error: unknown) => ignoreFailure(error) !== '',
  );
}

/** What is to be removed may not be there; a missing program means that nothing was ever made. */
function ignoreFailure(error: unknown): string {
  if (error instanceof CommandFailed) return '';
  throw error;
}
