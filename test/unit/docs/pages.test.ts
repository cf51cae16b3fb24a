import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { cliPage } from '../../../docs/cli-page.ts';
import { crashPointsPage } from '../../../docs/crash-points-page.ts';
import { schemaPage } from '../../../docs/schema-page.ts';

describe('the page docs/cli.md', () => {
  it('is what the help of the verbs gives', async () => {
    const page = await readFile(new URL('../../../docs/cli.md', import.meta.url), 'utf8');

    expect(page).toBe(await cliPage());
  });

  it('has every verb, also those of groups', async () => {
    const page = await cliPage();

    for (const verb of ['setup', 'push', 'image hash', 'image refresh', 'hook install', 'gc'])
      expect(page).toContain(`\n## slipway ${verb}\n\n\`\`\`\nslipway ${verb}`);
    expect(page).not.toContain('--quiet  ');
  });
});

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
