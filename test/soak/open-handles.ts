import { readdir, readFile, readlink } from 'node:fs/promises';

/** What a process has open, counted by kind: files by their path, connections by the ports of both ends that are known. */
export async function openHandles(pid: number): Promise<ReadonlyMap<string, number>> {
  const connections = await tcpConnections();
  const counts = new Map<string, number>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => undefined);
    if (target === undefined) continue;
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    const kind = inode === undefined ? target.replace(/\d+/g, 'N') : (connections.get(inode) ?? 'socket');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** From the inode of a socket to `tcp to <port>`, or `tcp from outside` where the other end has called. */
async function tcpConnections(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const lines = (await readFile('/proc/net/tcp', 'utf8')).trim().split('\n').slice(1);
  const columns = lines.map((line) => line.trim().split(/\s+/));
  const listening = new Set(columns.filter(([, , , state]) => state === '0A').map(([, local]) => local));
  for (const [, local, remote = '', , , , , , , inode = ''] of columns) {
    const port = Number.parseInt(remote.split(':')[1] ?? '', 16);
    found.set(inode, listening.has(local) ? 'tcp from outside' : `tcp to ${port}`);
  }
  return found;
}
