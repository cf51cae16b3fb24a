import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { pageExamples } from '../../helpers/page-examples.ts';

const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url));
const PAGES = readdirSync(DOCS).filter((name) => /^from-.*\.md$/.test(name));

describe('examples of the pages', () => {
  it('are there for each place that people come from', () => {
    expect(PAGES).toEqual(['from-github-actions.md', 'from-gitlab.md', 'from-taskcluster.md']);
  });

  it.each(PAGES)('in %s have neither mistakes nor warnings', (page) => {
    const examples = pageExamples(readFileSync(DOCS + page, 'utf8'));

    const findings = examples.map((files) => parseSlipwayYml(files['slipway.yml'], { file: page }).findings);

    expect(findings).toEqual(examples.map(() => []));
    expect(examples.length).toBeGreaterThan(0);
  });

  it('take the files that their code blocks name', () => {
    const page =
      'text\n```yaml\nold: 1\n```\n```yaml slipway.yml\nversion: 1\n```\n\n```sh a/b.sh\necho\n```\n';

    expect(pageExamples(page)).toEqual([{ 'slipway.yml': 'version: 1\n', 'a/b.sh': 'echo\n' }]);
  });
});
