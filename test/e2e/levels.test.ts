import { createHash, randomUUID } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import type { WorkerProcess } from '../helpers/live-stack.ts';
import { LiveApi, liveConnections, outcomesOf, startWorker, TestRepository } from '../helpers/live-stack.ts';

jest.setTimeout(300_000);

let workers: readonly WorkerProcess[];
let live: LiveApi;
beforeAll(async () => {
  workers = await Promise.all([startWorker(1), startWorker(3)]);
  live = await LiveApi.open();
});
afterAll(async () => {
  await live.close();
  await Promise.all(workers.map((worker) => worker.stop()));
});

const YML = {
  version: 1,
  images: { base: { context: 'docker' } },
  tasks: { t: { image: { 'in-tree': 'base' }, command: 'true', checkout: false } },
};
const dockerfile = (): string => `# ${randomUUID()}\nFROM debian:bookworm\nRUN true\n`;

describe('two levels', () => {
  it('a lower level uses what a higher one built; a higher one never what a lower one built', async () => {
    await using repository = await TestRepository.create({ main: 3, '*': 1 });
    const onMain = await repository.commit({ 'slipway.yml': YML, 'docker/Dockerfile': dockerfile() });

    const release = await live.push(repository, onMain);
    await repository.git('checkout', '--quiet', '-b', 'try');
    const tried = await live.push(repository, onMain, { ref: 'refs/heads/try' });

    expect([release.level, tried.level]).toEqual([3, 1]);
    expect(release.id).not.toBe(tried.id);
    expect(outcomesOf(release)).toEqual({ base: 'built' });
    expect(outcomesOf(tried)).toEqual({ base: 'reused' });
    expect(tried.images[0]?.taskId).toBe(release.images[0]?.taskId);

    const onTry = await repository.commit({ 'docker/Dockerfile': dockerfile() });
    const first = await live.push(repository, onTry, { ref: 'refs/heads/try' });
    await repository.git('checkout', '--quiet', 'main');
    await repository.git('merge', '--quiet', 'try');
    // Read anew at each plan.
    const { serverConfig } = await liveConnections();
    await appendFile(serverConfig, 'tarball: { 3: stored }\n');
    const merged = await live.push(repository, onTry);

    expect(outcomesOf(first)).toEqual({ base: 'built' });
    expect(merged.level).toBe(3);
    expect(outcomesOf(merged)).toEqual({ base: 'built' });
    expect(merged.images[0]?.taskId).toContain('/3/');
    const hashOfTarball = async ({ images }: PushDocument): Promise<string | undefined> => {
      const artifacts = await live.api.artifacts(images[0]?.taskId ?? '');
      return artifacts.find(({ name }) => name === 'public/image.tar')?.sha256;
    };
    // Kept as an object of its own only where the level says so, and with the bytes that everybody gets.
    const tarball = await live.artifact(merged.images[0]?.taskId ?? '', 'public/image.tar');
    expect(await hashOfTarball(merged)).toBe(createHash('sha256').update(tarball).digest('hex'));
    expect(await hashOfTarball(first)).toBeUndefined();
  });

  it('refuses a revision that its ref does not hold, whatever the client says', async () => {
    await using repository = await TestRepository.create({ main: 3, '*': 1 });
    await repository.commit({ 'slipway.yml': YML, 'docker/Dockerfile': dockerfile() });
    await repository.git('checkout', '--quiet', '-b', 'elsewhere');
    const elsewhere = await repository.commit({ 'a.txt': 'a' });

    const document = await live.push(repository, elsewhere, { ref: 'refs/heads/main' });

    expect(document).toMatchObject({ level: 3, state: 'exception', reason: 'revision-not-found' });
  });
});
