import { readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it, jest } from '@jest/globals';
import { fleetTraces } from '../helpers/fleet-traces.ts';
import { outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { s3TestConfig } from '../helpers/s3-test-server.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

async function bucketNames(): Promise<readonly (string | undefined)[]> {
  const { endpoint, region, accessKeyId = '', secretAccessKey = '' } = s3TestConfig();
  const credentials = { accessKeyId, secretAccessKey };
  const s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const { Buckets = [] } = await s3.send(new ListBucketsCommand());
  s3.destroy();
  return Buckets.map(({ Name }) => Name);
}

describe('a world of a test', () => {
  it('is an installation of its own: through proxies in front of every part a push builds and runs, and leaves nothing', async () => {
    let fleet: string;
    let runtimeDirectory: string;
    {
      await using world = await World.open({ via: ['store', 'temporal', 'engine'] });
      ({ fleet, runtimeDirectory } = world.connections);
      await world.startWorker();
      const repository = await world.createRepository();
      const revision = await repository.commit({
        'docker/Dockerfile': 'FROM debian:bookworm\nRUN echo made > /made\n',
        'slipway.yml': {
          version: 1,
          images: { base: { context: 'docker' } },
          tasks: { t: { image: { 'in-tree': 'base' }, command: 'cat /made', checkout: false } },
        },
      });

      const document = await world.push(repository, revision);

      expect(statesOf(document)).toEqual({ t: 'completed/completed' });
      expect(outcomesOf(document)).toEqual({ base: 'built' });
      // Listed for a moment longer than it is open.
      await until(async () => (await world.openWorkflows()).length === 0);
      expect(await world.unfinishedUploads()).toEqual([]);
      expect(await world.objects('uploads/')).toEqual([]);
      expect(await world.networks()).toHaveLength(1);
    }
    expect(fleet).toMatch(/^w-/);
    expect(await fleetTraces(fleet)).toEqual([]);
    expect(await bucketNames()).not.toContain(fleet);
    await expect(stat(runtimeDirectory)).rejects.toThrow('ENOENT');
    expect((await readdir(tmpdir())).filter((name) => name.includes(fleet))).toEqual([]);
  });
});
