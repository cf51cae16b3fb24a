import { docker } from './live-stack.ts';

/** Containers, networks and volumes of a fleet in the engine now, or those of its tasks, of their private engines or of shells in what is kept of them only. */
export async function fleetTraces(
  fleet: string,
  kind?: 'task' | 'dind' | 'shell',
): Promise<readonly string[]> {
  const labels = [`slipway.fleet=${fleet}`, ...(kind ? [`slipway.kind=${kind}`] : [])];
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`]);
  const list = async (what: string, ...args: string[]): Promise<readonly string[]> => {
    const names = await docker(...args, ...filters);
    return names
      .split('\n')
      .filter((name) => name !== '')
      .map((name) => `${what} ${name}`);
  };
  const found = await Promise.all([
    list('container', 'ps', '--all', '--format', '{{.Names}}'),
    list('network', 'network', 'ls', '--format', '{{.Name}}'),
    list('volume', 'volume', 'ls', '--format', '{{.Name}}'),
  ]);
  return found.flat();
}
