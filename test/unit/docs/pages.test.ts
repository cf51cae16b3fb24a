import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { crashPointsPage } from '../../../docs/crash-points-page.ts';
import { schemaPage } from '../../../docs/schema-page.ts';

describe('the page docs/crash-points.md', () => {
  it('is what the table of the tests gives', async () => {
    const page = await readFile(new URL('../../../docs/crash-points.md', import.meta.url), 'utf8');

    expect(page).toBe(crashPointsPage());
  });
});

describe('the JSON Schema docs/slipway.schema.json', () => {
  it('is what the schema of slipway.yml gives', async () => {
    const page = await readFile(new URL('../../../docs/slipway.schema.json', import.meta.url), 'utf8');

    expect(page).toBe(schemaPage());
  });
});
