import { createHash, randomUUID } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PushDocument } from '../../model/schema/records.ts';
import { outcomesOf, statesOf, until } from '../helpers/live-stack.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

let world: World;
beforeAll(async () => {
  world = await World.open();
  await Promise.all([world.startWorker(1), world.startWorker(3)]);
});
afterAll(() => world[Symbol.asyncDispose]());

const task = { image: { 'in-tree': 'base' }, checkout: false };
const YML = {
  version: 1,
  images: { base: { context: 'docker' } },
  tasks: {
    t: { ...task, command: 'true' },
    // On the lower level it fails in its first run.
    flaky: { ...task, command: 'test "$SLIPWAY_LEVEL" = 3 -o "$RUN_ID" -gt 0' },
  },
};
const dockerfile = (): string => `# ${randomUUID()}\nFROM debian:bookworm\nRUN true\n`;

describe('two levels', () => {
  it('a lower level uses what a higher one built; a higher one never what a lower one built', async () => {
    const repository = await world.createRepository({ main: 3, '*': 1 });
    const onMain = await repository.commit({ 'slipway.yml': YML, 'docker/Dockerfile': dockerfile() });

    const release = await world.push(repository, onMain);
    await repository.git('checkout', '--quiet', '-b', 'try');
    const tried = await world.push(repository, onMain, { ref: 'refs/heads/try' });

    expect([release.level, tried.level]).toEqual([3, 1]);
    expect(release.id).not.toBe(tried.id);
    expect(outcomesOf(release)).toEqual({ base: 'built' });
    expect(outcomesOf(tried)).toEqual({ base: 'reused' });
    expect(tried.images[0]?.taskId).toBe(release.images[0]?.taskId);

    expect(statesOf(tried)).toEqual({ flaky: 'failed/failed', t: 'completed/completed' });
    await world.live.api.rerun(tried.id, { tasks: 'failed', downstream: false }, 'somebody');
    await until(async () => (await world.live.api.read(tried.id)).round === 2);
    const again = await world.verdict(tried.id);
    expect([again.state, outcomesOf(again)]).toEqual(['completed', { base: 'reused' }]);
    expect(again.images[0]?.taskId).toBe(release.images[0]?.taskId);

    const onTry = await repository.commit({ 'docker/Dockerfile': dockerfile() });
    const first = await world.push(repository, onTry, { ref: 'refs/heads/try' });
    await repository.git('checkout', '--quiet', 'main');
    await repository.git('merge', '--quiet', 'try');
    // Read anew at each plan.
    await appendFile(world.connections.serverConfig, 'tarball: { 3: stored }\n');
    const merged = await world.push(repository, onTry);

    expect(outcomesOf(first)).toEqual({ base: 'built' });
    expect(merged.level).toBe(3);
    expect(outcomesOf(merged)).toEqual({ base: 'built' });
    expect(merged.images[0]?.taskId).toContain('/3/');
    const hashOfTarball = async ({ images }: PushDocument): Promise<string | undefined> => {
      const artifacts = await world.live.api.artifacts(images[0]?.taskId ?? '');
      return artifacts.find(({ name }) => name === 'public/image.tar')?.sha256;
    };
    // Kept as an object of its own only where the level says so, and with the bytes that everybody gets.
    const tarball = await world.artifact(merged.images[0]?.taskId ?? '', 'public/image.tar');
    expect(await hashOfTarball(merged)).toBe(createHash('sha256').update(tarball).digest('hex'));
    expect(await hashOfTarball(first)).toBeUndefined();
  });

  it('refuses a revision that its ref does not hold, whatever the client says', async () => {
    const repository = await world.createRepository({ main: 3, '*': 1 });
    await repository.commit({ 'slipway.yml': YML, 'docker/Dockerfile': dockerfile() });
    await repository.git('checkout', '--quiet', '-b', 'elsewhere');
    const elsewhere = await repository.commit({ 'a.txt': 'a' });

    const document = await world.push(repository, elsewhere, { ref: 'refs/heads/main' });

    expect(document).toMatchObject({ level: 3, state: 'exception', reason: 'revision-not-found' });
  });
});
