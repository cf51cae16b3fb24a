/** Writes docs/errors.md from the code: `npm run docs`. A test fails when the page is not what this gives. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { errorsPage } from './errors-page.ts';

await writeFile(fileURLToPath(new URL('./errors.md', import.meta.url)), errorsPage());
