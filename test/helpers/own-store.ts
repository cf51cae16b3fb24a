import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Connections } from '../../model/schema/connections.ts';
import { canConnect } from '../../stack/can-connect.ts';
import { S3_TOOL } from '../../stack/s3-tool.ts';
import { findTool } from '../../stack/tool.ts';
import { createS3ObjectStore } from '../../store/s3-object-store.ts';
import { until } from './live-stack.ts';
import { mountSmallDisk } from './small-disk.ts';
import type { TemporaryDirectory } from './temporary-directory.ts';

const KEYS = { accessKeyId: 'own-store', secretAccessKey: 'own-store-secret' };

/**
 * An S3 server process of a test's own, over a small file system of its own: it can be filled, killed and started again.
 * Needs root, to mount.
 */
export class OwnStore implements AsyncDisposable {
  readonly connection: Connections['store'];
  readonly #disk: TemporaryDirectory;
  readonly #program: string;
  #server: ChildProcess | undefined;

  private constructor(disk: TemporaryDirectory, program: string, port: number) {
    this.#disk = disk;
    this.#program = program;
    const endpoint = `http://127.0.0.1:${port}`;
    this.connection = { endpoint, region: 'us-east-1', bucket: 'own', ...KEYS };
  }

  static async open(sizeMegabytes: number): Promise<OwnStore> {
    const program = await findTool(S3_TOOL, { env: process.env, signal: AbortSignal.timeout(30_000) });
    if (!program) throw new Error('The S3 server is not installed: run "npm test", which installs it');
    const disk = await mountSmallDisk(`${sizeMegabytes}m`);
    const store = new OwnStore(disk, program, await freePort());
    try {
      await mkdir(join(disk.path, 'data'));
      await store.start();
      const objects = createS3ObjectStore(store.connection);
      await objects.ensureBucket();
      objects.close();
      return store;
    } catch (error) {
      await store[Symbol.asyncDispose]();
      throw error;
    }
  }

  async start(): Promise<void> {
    const { host } = new URL(this.connection.endpoint ?? '');
    const env = {
      ...process.env,
      ROOT_ACCESS_KEY: KEYS.accessKeyId,
      ROOT_SECRET_KEY: KEYS.secretAccessKey,
      VGW_REGION: this.connection.region,
    };
    const args = ['--quiet', '--keep-alive', '--port', host, 'posix', join(this.#disk.path, 'data')];
    this.#server = spawn(this.#program, args, { env, stdio: 'ignore' });
    await until(() => canConnect(host, 1_000), 30_000);
  }

  /** Ends the process at once, as a machine does that loses its power. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  /** Takes all space but so much with a file beside the data. */
  async fill(leaveBytes: number): Promise<void> {
    await this.makeSpace();
    const { bavail, bsize } = await statfs(this.#disk.path);
    await writeFile(this.#ballast, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)));
  }

  async makeSpace(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#disk[Symbol.asyncDispose]();
  }

  get #ballast(): string {
    return join(this.#disk.path, 'ballast');
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
