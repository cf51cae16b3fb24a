import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { RegistryStorage } from './registry-storage.ts';
import type { Way } from './way.ts';

/** `docker push` to the registry of the CNCF on this machine; then `docker pull` by tag. */
export async function openRegistryWay(
  name: string,
  {
    program,
    directory,
    storage,
  }: { readonly program: string; readonly directory: string; readonly storage: RegistryStorage },
  { source, target }: { readonly source: Docker; readonly target: Docker },
): Promise<Way> {
  const port = await freePort();
  const config = join(directory, `registry-${port}.yml`);
  await writeFile(
    config,
    JSON.stringify({
      version: '0.1',
      log: { level: 'error' },
      storage: { ...storage.driver, delete: { enabled: true } },
      http: { addr: `127.0.0.1:${port}` },
    }),
  );
  const child = spawn(program, ['serve', config], { stdio: 'ignore' });
  await answers(port, child);
  const repository = `127.0.0.1:${port}/bench`;
  return {
    name,
    async move(tag) {
      const began = performance.now();
      const version = tag.replace(/[^a-z0-9]/g, '-');
      await source.getImage(tag).tag({ repo: repository, tag: version });
      const reference = `${repository}:${version}`;
      const authconfig = { username: 'none', password: 'none', serveraddress: `127.0.0.1:${port}` };
      await drain((await source.getImage(reference).push({ authconfig })) as Readable);
      const sendingMs = performance.now() - began;
      await source.getImage(reference).remove();
      await drain((await target.pull(reference)) as Readable);
      return { image: reference, bytesSent: await storage.addedBytes(), sendingMs, names: [reference] };
    },
    mark: () => storage.mark(),
    reset: () => storage.reset(),
    async close() {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      storage.close();
    },
  };
}

/** Reads an engine's progress to its end. @throws {Error} with what the engine says. */
async function drain(stream: Readable): Promise<void> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  for (const line of text.split('\n').filter(Boolean)) {
    const { error } = JSON.parse(line) as { readonly error?: string };
    if (error !== undefined) throw new Error(error);
  }
}

async function answers(port: number, child: { readonly exitCode: number | null }): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`The registry ended with ${child.exitCode}`);
    const isUp = await fetch(`http://127.0.0.1:${port}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return;
    await delay(100);
  }
  throw new Error('The registry does not answer');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
