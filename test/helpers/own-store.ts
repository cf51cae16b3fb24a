import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Connections } from '../../model/schema/connections.ts';
import { canConnect } from '../../stack/can-connect.ts';
import { S3_TOOL } from '../../stack/s3-tool.ts';
import { findTool } from '../../stack/tool.ts';
import { createS3ObjectStore } from '../../store/s3-object-store.ts';
import { until } from './live-stack.ts';

const exec = promisify(execFile);
const KEYS = { accessKeyId: 'own-store', secretAccessKey: 'own-store-secret' };

/**
 * An S3 server process of a test's own, over a small file system of its own: it can be filled, killed and started again.
 * Needs root, to mount.
 */
export class OwnStore implements AsyncDisposable {
  readonly connection: Connections['store'];
  readonly #directory: string;
  readonly #program: string;
  #server: ChildProcess | undefined;

  private constructor(directory: string, program: string, port: number) {
    this.#directory = directory;
    this.#program = program;
    const endpoint = `http://127.0.0.1:${port}`;
    this.connection = { endpoint, region: 'us-east-1', bucket: 'own', ...KEYS };
  }

  static async open(sizeMegabytes: number): Promise<OwnStore> {
    const program = await findTool(S3_TOOL, { env: process.env, signal: AbortSignal.timeout(30_000) });
    if (!program) throw new Error('The S3 server is not installed: run "npm test", which installs it');
    const directory = await mkdtemp(join(tmpdir(), 'slipway-store-'));
    await exec('mount', ['-t', 'tmpfs', '-o', `size=${sizeMegabytes}m`, 'slipway-test', directory]);
    await mkdir(join(directory, 'data'));
    const store = new OwnStore(directory, program, await freePort());
    await store.start();
    const objects = createS3ObjectStore(store.connection);
    await objects.ensureBucket();
    objects.close();
    return store;
  }

  async start(): Promise<void> {
    const { host } = new URL(this.connection.endpoint ?? '');
    const env = {
      ...process.env,
      ROOT_ACCESS_KEY: KEYS.accessKeyId,
      ROOT_SECRET_KEY: KEYS.secretAccessKey,
      VGW_REGION: this.connection.region,
    };
    const args = ['--quiet', '--keep-alive', '--port', host, 'posix', join(this.#directory, 'data')];
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
    const { bavail, bsize } = await statfs(this.#directory);
    await writeFile(this.#ballast, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)));
  }

  async makeSpace(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await exec('umount', [this.#directory]);
    await rm(this.#directory, { recursive: true, force: true });
  }

  get #ballast(): string {
    return join(this.#directory, 'ballast');
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
