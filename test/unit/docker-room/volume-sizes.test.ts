import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { dockerAt } from '../../../docker/client.ts';
import { VolumeSizes } from '../../../docker/room/volume-sizes.ts';

describe('VolumeSizes', () => {
  let server: Server;
  let sizes: VolumeSizes;
  let asked = 0;
  /** What the volume takes; undefined: the engine fails. */
  let sizeBytes: number | undefined;
  const troubles: unknown[] = [];

  beforeEach(async () => {
    sizeBytes = undefined;
    server = createServer((_, response) => {
      asked += 1;
      if (sizeBytes === undefined) response.writeHead(500).end('a disk usage operation is already running');
      else response.end(JSON.stringify({ Volumes: [{ Name: 'a', UsageData: { Size: sizeBytes } }] }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    sizes = new VolumeSizes(dockerAt(address), (error) => troubles.push(error));
  });
  afterEach(() => {
    jest.restoreAllMocks();
    server.close();
  });

  const now = performance.now.bind(performance);
  const atMinute = (minute: number): unknown =>
    jest.spyOn(performance, 'now').mockImplementation(() => now() + minute * 61_000);

  it('lets an engine rest that has told, and one that could not; what was told last counts', async () => {
    expect(await sizes.get()).toBeUndefined();
    sizeBytes = 7;
    expect(await sizes.get()).toBeUndefined();
    expect(sizes.isRested).toBe(false);
    expect(asked).toBe(1);

    atMinute(1);
    expect(await sizes.get()).toEqual(new Map([['a', 7]]));
    sizeBytes = undefined;
    expect(await sizes.get()).toEqual(new Map([['a', 7]]));
    expect(asked).toBe(2);

    atMinute(2);
    expect(await sizes.get()).toEqual(new Map([['a', 7]]));
    sizeBytes = 8;
    expect(await sizes.get()).toEqual(new Map([['a', 7]]));
    expect(asked).toBe(3);
    expect(troubles).toHaveLength(2);
  });

  it('tells nothing of a volume whose size the engine could not find out', async () => {
    sizeBytes = -1;
    expect(await sizes.get()).toEqual(new Map());
  });
});
