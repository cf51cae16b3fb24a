import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Server } from 'node:tls';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { NativeConnection } from '@temporalio/worker';
import { lookAtTemporal } from '../../../client/cli/doctor/look-at-temporal.ts';
import { reachTemporal } from '../../../client/reach-temporal.ts';
import type { Connections } from '../../../model/schema/connections.ts';
import { checkGivenTemporal } from '../../../stack/temporal-server.ts';
import { temporalOptions } from '../../../workers/temporal-options.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';
import { liveConnections, until } from '../../helpers/live-stack.ts';
import { startLookOnlyTemporal } from '../../helpers/look-only-temporal.ts';
import { requireEnv } from '../../helpers/require-env.ts';

jest.setTimeout(60_000);

const scratch = scratchDirectory();
const file = (name: string): string => join(scratch.path, name);
let server: Server;
let address: string;
/** Of the server itself. */
let direct: string;
let namespace: string;

beforeAll(async () => {
  const { temporal } = await liveConnections();
  ({ namespace, address: direct } = temporal);
  certify('ca', ['basicConstraints=critical,CA:TRUE']);
  for (const name of ['server', 'client'])
    certify(
      name,
      ['basicConstraints=critical,CA:FALSE', 'subjectAltName=DNS:temporal.test'],
      ['-CA', file('ca.pem'), '-CAkey', file('ca.key')],
    );
  const [host, port] = temporal.address.split(':');
  server = createServer(
    {
      cert: readFileSync(file('server.pem')),
      key: readFileSync(file('server.key')),
      ca: readFileSync(file('ca.pem')),
      requestCert: true,
      ALPNProtocols: ['h2'],
    },
    (socket) => {
      const inner = connect(Number(port), host);
      socket.pipe(inner).pipe(socket);
      for (const end of [socket, inner])
        end.on('error', () => [socket, inner].forEach((one) => one.destroy()));
    },
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  scratch[Symbol.dispose]();
});

function certify(name: string, extensions: readonly string[], signer: readonly string[] = []): void {
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '2'];
  const files = ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)];
  const what = ['-subj', `/CN=${name}`, ...extensions.flatMap((extension) => ['-addext', extension])];
  execFileSync('openssl', ['req', '-x509', ...curve, ...files, ...what, ...signer], { stdio: 'pipe' });
}

function temporal(tls: Connections['temporal']['tls']): Connections['temporal'] {
  return { address, namespace, ...(tls ? { tls } : {}) };
}

describe('a Temporal server that asks who one is', () => {
  const identity = () => ({
    caFile: file('ca.pem'),
    certFile: file('client.pem'),
    keyFile: file('client.key'),
    serverName: 'temporal.test',
  });

  it('is reached by verbs, workers, the doctor and up with the certificates that the environment names', async () => {
    const reached = reachTemporal(temporal(identity()));
    try {
      const open = reached.ask(1, ({ workflowService }) => workflowService.describeNamespace({ namespace }));
      expect((await open).namespaceInfo?.name).toBe(namespace);
    } finally {
      await reached.close();
    }
    const native = await NativeConnection.connect(temporalOptions(temporal(identity())));
    await native.close();
    const { env } = process;
    await checkGivenTemporal(temporal(identity()), { env, signal: AbortSignal.timeout(30_000) });
    const todo = 'Start it';
    const { diagnoses } = await lookAtTemporal({ temporal: temporal(identity()), todo, levels: undefined });
    expect(diagnoses.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('is not looked for behind a proxy that the environment names', async () => {
    const env = { ...process.env, https_proxy: 'http://127.0.0.1:1', no_proxy: '' };
    const replaced = jest.replaceProperty(process, 'env', env);
    const reached = reachTemporal(temporal(identity()));
    try {
      const open = reached.ask(1, ({ workflowService }) => workflowService.describeNamespace({ namespace }));
      expect((await open).namespaceInfo?.name).toBe(namespace);
    } finally {
      replaced.restore();
      await reached.close();
    }
  });

  it('does not answer without TLS, without the certificate of a client, or by another name; the doctor says why', async () => {
    const { caFile, serverName } = identity();
    const wrong = [
      [undefined, /^does not answer: ./],
      [{ caFile, serverName }, /^does not answer: .*certificate required/],
      [{ ...identity(), caFile: file('client.pem') }, /^does not answer: .*(self-signed|unable to verify)/],
      [{ ...identity(), serverName: 'other.test' }, /^does not answer: .*other\.test/],
      [{ ...identity(), caFile: '/no/such.pem' }, /^\/no\/such\.pem, for Temporal, cannot be read/],
      [
        { ...identity(), keyFile: file('server.key') },
        /^Temporal cannot be reached at .*key values mismatch/,
      ],
    ] as const;
    const looked = await Promise.all(
      wrong.map(([tls]) => lookAtTemporal({ temporal: temporal(tls), todo: 'x', levels: undefined })),
    );
    for (const [at, [, message]] of wrong.entries())
      expect(looked[at]?.diagnoses).toMatchObject([
        { part: 'temporal', ok: false, where: address, message: expect.stringMatching(message) },
      ]);
  });
});

describe('a Temporal server where we may only look', () => {
  const check = (given: Connections['temporal']): Promise<void> =>
    checkGivenTemporal(given, { env: process.env, signal: AbortSignal.timeout(50_000) });

  it('is taken by up as it is when nothing is lacking', async () => {
    await using server = await startLookOnlyTemporal(direct);

    await check({ address: server.address, namespace });

    expect(server.refused).toEqual([]);
  });

  it('is told of when something is lacking, with what somebody else has to type', async () => {
    await using server = await startLookOnlyTemporal(direct);
    const other = `look-only-${randomUUID()}`;
    const operate = (...verb: string[]): string =>
      execFileSync(
        requireEnv('SLIPWAY_TEST_TEMPORAL_CLI', 'the Temporal CLI'),
        ['operator', ...verb, '--namespace', other, '--address', direct],
        { encoding: 'utf8', stdio: 'pipe' },
      );

    const withoutIt = check({ address: server.address, namespace, namespaces: { 3: other } });
    await expect(withoutIt).rejects.toMatchObject({
      type: 'SetupFailed',
      message: expect.stringMatching(
        new RegExp(
          `lacks the namespace ${other}: .*Request unauthorized.*Somebody who may .*: temporal operator namespace create --namespace ${other} .*tcld namespace create`,
          's',
        ),
      ),
    });
    operate('namespace', 'create', '--retention', '24h');
    await until(() => {
      try {
        return operate('search-attribute', 'list') !== '';
      } catch {
        return false;
      }
    }, 30_000);
    const withoutAttributes = check({ address: server.address, namespace: other });
    await expect(withoutAttributes).rejects.toMatchObject({
      type: 'SetupFailed',
      message: expect.stringMatching(
        new RegExp(
          `lacks the search attributes SlipwayProject, .*SlipwayLevel in the namespace ${other}: .*tcld namespace search-attributes add --namespace ${other} --sa SlipwayProject=Keyword .*--sa SlipwayLevel=Int$`,
          's',
        ),
      ),
    });
    expect(server.refused).toEqual(['RegisterNamespace', 'AddSearchAttributes']);
  });
});
