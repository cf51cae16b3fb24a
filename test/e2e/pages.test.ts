import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { pageExamples } from '../helpers/page-examples.ts';
import { World } from '../helpers/world.ts';

jest.setTimeout(900_000);

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const PAGES = readdirSync(DOCS).filter((name) => /^from-.*\.md$/.test(name));

describe('pages for those who come from elsewhere', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    await world.startWorker();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it.each(PAGES)('%s has examples whose pushes complete, every task of the branch', async (page) => {
    const examples = pageExamples(readFileSync(DOCS + page, 'utf8'));

    const documents = await Promise.all(
      examples.map(async (example) => {
        const repository = await world.createRepository();
        return world.push(repository, await repository.commit(example));
      }),
    );

    expect(examples.length).toBeGreaterThan(0);
    for (const { state, reason, images, tasks } of documents) {
      const failed = tasks.filter((task) => task.state !== 'completed');
      expect({ state, reason, failed }).toEqual({ state: 'completed', reason: 'completed', failed: [] });
      expect(images.map(({ outcome }) => outcome)).toEqual(['built']);
      expect(tasks.length).toBeGreaterThan(1);
    }
  });
});
