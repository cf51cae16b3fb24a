import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Logger } from 'pino';
import { connectTemporal } from '../../../workers/connect-temporal.ts';
import { describeError } from '../../../workers/describe-error.ts';
import { startAnsweringGrpcServer } from '../../helpers/answering-grpc-server.ts';

interface Line {
  readonly msg: string;
  readonly error?: { readonly type: string; readonly message: string };
}

function heardLogger(): { readonly logger: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Line);
  return { logger: pino({ serializers: { error: describeError } }, { write }), lines };
}

const NAMESPACE = 'default';

describe('a worker that finds no Temporal', () => {
  it('tries on, says each reason once with the address, and ends well at the signal', async () => {
    const { logger, lines } = heardLogger();
    const ending = new AbortController();
    const tried = Promise.withResolvers<void>();
    let tries = 0;
    const server = createServer((socket) => {
      socket.on('error', () => undefined).destroy();
      tries += 1;
      if (tries === 5) tried.resolve();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = { logger, signal: ending.signal, tryAgainMs: 1 };

    const connecting = connectTemporal({ address, namespace: NAMESPACE }, options);
    await tried.promise;
    ending.abort();

    expect(await connecting).toBeUndefined();
    const said = lines.map(({ error }) => error?.message);
    expect(said.length).toBeGreaterThan(0);
    expect(new Set(said).size).toBe(said.length);
    for (const { error, msg } of lines) {
      expect(error?.type).toBe('TemporalUnavailable');
      expect(error?.message).toMatch(/^Temporal at 127\.0\.0\.1:\d+ does not answer: ./);
      expect(error?.message).not.toMatch(/20\d\d-|Resolution note/);
      expect(msg).toContain('TEMPORAL_ADDRESS');
    }
    server.close();
  });

  it('is told which address refuses', async () => {
    const { logger, lines } = heardLogger();
    const ending = new AbortController();
    const connecting = connectTemporal(
      { address: '127.0.0.1:1', namespace: NAMESPACE },
      { logger, signal: ending.signal },
    );
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    ending.abort();
    await connecting;

    expect(lines[0]?.error?.message).toBe(
      'Temporal at 127.0.0.1:1 does not answer: connect ECONNREFUSED 127.0.0.1:1',
    );
  });
});

describe('a worker that Temporal does not take', () => {
  const { signal } = new AbortController();

  it.each([
    ['PERMISSION_DENIED', 7],
    ['UNAUTHENTICATED', 16],
  ])('does not try on: %s', async (_name, status) => {
    await using server = await startAnsweringGrpcServer(status, 'Request unauthorized.');
    const { logger, lines } = heardLogger();

    await expect(
      connectTemporal({ address: server.address, namespace: NAMESPACE }, { logger, signal }),
    ).rejects.toMatchObject({
      type: 'ConfigInvalid',
      message: `Temporal at ${server.address} refuses this worker: Request unauthorized. Give it credentials that hold (TEMPORAL_API_KEY, TEMPORAL_TLS_…)`,
    });
    expect(lines).toEqual([]);
  });

  it('says which namespace is missing, and what to type', async () => {
    await using server = await startAnsweringGrpcServer(5, 'Namespace nowhere is not found.');
    const { logger } = heardLogger();

    await expect(
      connectTemporal({ address: server.address, namespace: 'nowhere' }, { logger, signal }),
    ).rejects.toThrow(
      `Temporal at ${server.address} has no namespace nowhere. Mend TEMPORAL_NAMESPACE or SLIPWAY_NAMESPACE_…, or make it: temporal operator namespace create --address ${server.address} --namespace nowhere --retention 168h`,
    );
  });

  it('says that an address is none', async () => {
    const { logger } = heardLogger();

    await expect(
      connectTemporal({ address: 'http://a:b:c', namespace: NAMESPACE }, { logger, signal }),
    ).rejects.toMatchObject({
      type: 'ConfigInvalid',
      message: expect.stringContaining('Temporal cannot be reached at http://a:b:c (TEMPORAL_ADDRESS'),
    });
  });
});
