import { docker } from './live-stack.ts';
import type { World } from './world.ts';

/** Ids of a world's sidecars that run. */
export async function sidecarsOf(world: World): Promise<readonly string[]> {
  const labels = [`slipway.fleet=${world.fleet}`, 'slipway.kind=sidecar'];
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`]);
  const ids = await docker('ps', '--quiet', ...filters);
  return ids.split('\n').filter((id) => id !== '');
}

/** Names of images in all of them. */
export async function imagesInSidecars(world: World): Promise<readonly string[]> {
  const names: string[] = [];
  for (const id of await sidecarsOf(world)) {
    const inside = [
      'docker',
      '--host',
      'unix:///run/slipway/docker.sock',
      'images',
      '--format',
      '{{.Repository}}:{{.Tag}}',
    ];
    names.push(...(await docker('exec', id, ...inside)).split('\n'));
  }
  return names;
}

/** Takes the builder's engines away with everything that they know. */
export async function forgetSidecars(world: World): Promise<void> {
  for (const id of await sidecarsOf(world)) {
    const volume = await docker('inspect', '--format', '{{range .Mounts}}{{.Name}}{{end}}', id);
    await docker('rm', '--force', id);
    await docker('volume', 'rm', volume.trim());
  }
}
