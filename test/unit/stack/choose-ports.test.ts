import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { choosePorts } from '../../../stack/choose-ports.ts';

describe('choosePorts', () => {
  it('gives each name a port of its own', async () => {
    const ports = Object.values(await choosePorts(['a', 'b', 'c'], {}));

    expect(new Set(ports).size).toBe(3);
  });

  it('takes the port of last time while it is free, and another when it is not', async () => {
    const first = await choosePorts(['a'], {});
    expect(await choosePorts(['a'], first)).toEqual(first);

    const server = createServer().listen(first.a, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    expect((server.address() as AddressInfo).port).toBe(first.a);
    expect((await choosePorts(['a'], first)).a).not.toBe(first.a);
    await new Promise((resolve) => server.close(resolve));
  });
});
