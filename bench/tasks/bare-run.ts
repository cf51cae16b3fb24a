import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { requireEnv } from '../../test/helpers/require-env.ts';

/** `docker run` of a command in a new container: how long it took from the start of its process, and the end of what it printed. */
export async function bareRun(
  command: string,
): Promise<{ readonly ms: number; readonly tail: string; readonly began: number }> {
  const env = { ...process.env, DOCKER_HOST: requireEnv('SLIPWAY_TEST_ENGINE', 'a Docker Engine') };
  const args = ['run', '--rm', 'debian:bookworm', 'sh', '-c', command];
  const began = Date.now();
  const child = spawn('docker', args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let tail = '';
  child.stdout.on('data', (part: Buffer) => (tail = part.subarray(-200).toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}`);
  return { ms: Date.now() - began, tail, began };
}
