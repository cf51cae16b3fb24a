import { readFile } from 'node:fs/promises';

/** Where systemd-resolved lists what it asks itself; `/etc/resolv.conf` then names only its own stub. */
const FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

/** Name servers of this machine that containers can reach too: those that are not on its loopback. */
export async function hostNameservers(): Promise<readonly string[]> {
  for (const file of FILES) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1] ?? '');
    const reachable = servers.filter((server) => !/^127\.|^::1$|^fe80:/i.test(server));
    if (reachable.length > 0) return reachable;
  }
  return [];
}
