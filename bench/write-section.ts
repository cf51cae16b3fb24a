import { readFile, writeFile } from 'node:fs/promises';

/** Puts a section (its first line is a heading of the first order) into a page that several benchmarks share: in the place of the one that has the same heading, else at the end. */
export async function writeSection(page: string, section: string): Promise<void> {
  const before = await readFile(page, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return '';
  });
  const headingOf = (text: string): string => text.slice(0, text.indexOf('\n'));
  const sections = before
    .split(/^(?=# )/m)
    .map((text) => text.trim())
    .filter((text) => text !== '');
  const fresh = section.trim();
  const at = sections.findIndex((text) => headingOf(text) === headingOf(fresh));
  sections.splice(at < 0 ? sections.length : at, at < 0 ? 0 : 1, fresh);
  await writeFile(page, `${sections.join('\n\n')}\n`);
}
