/** Writes the pages that are made from the code: `npm run docs`. A test fails when a page is not what this gives. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { cliPage } from './cli-page.ts';
import { crashPointsPage } from './crash-points-page.ts';
import { errorsPage } from './errors-page.ts';
import { schemaPage } from './schema-page.ts';

const PAGES = {
  'cli.md': cliPage,
  'errors.md': errorsPage,
  'crash-points.md': crashPointsPage,
  'slipway.schema.json': schemaPage,
};

for (const [name, page] of Object.entries(PAGES))
  await writeFile(fileURLToPath(new URL(`./${name}`, import.meta.url)), await page());
