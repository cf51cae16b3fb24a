import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { pageExamples, typedExamples } from '../../helpers/page-examples.ts';

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

  it('of slipway.yml has neither mistakes nor warnings', () => {
    const [example, ...others] = pageExamples(readFileSync(`${DOCS}slipway-yml.md`, 'utf8'));

    expect(parseSlipwayYml(example?.['slipway.yml'], { file: 'slipway-yml.md' }).findings).toEqual([]);
    expect(others).toEqual([]);
  });

  it('that README.md has typed have neither mistakes nor warnings, and the Dockerfiles that they name', () => {
    const examples = typedExamples(readFileSync(`${DOCS}../README.md`, 'utf8'));

    const parsed = examples.map((files) => parseSlipwayYml(files['slipway.yml'], { file: 'README.md' }));

    expect(parsed.flatMap(({ findings }) => findings)).toEqual([]);
    const contexts = parsed.map(({ config }) =>
      Object.values(config?.images ?? {}).map(({ context }) => context),
    );
    expect(contexts).toEqual([['docker/ci'], ['docker/ci', 'docker/lint']]);
    for (const [at, files] of examples.entries())
      expect(Object.keys(files)).toEqual(
        expect.arrayContaining((contexts[at] ?? []).map((context) => `${context}/Dockerfile`)),
      );
  });

  it('take the files that their code blocks name', () => {
    const page =
      'text\n```yaml\nold: 1\n```\n```yaml slipway.yml\nversion: 1\n```\n\n```sh a/b.sh\necho\n```\n';

    expect(pageExamples(page)).toEqual([{ 'slipway.yml': 'version: 1\n', 'a/b.sh': 'echo\n' }]);
  });

  it('take the files that somebody has who types them', () => {
    const page =
      "```sh\ncat > a <<'EOF'\nA\nEOF\ncat > slipway.yml <<'EOF'\nversion: 1\nEOF\ncat > a <<'EOF'\nB\nEOF\n```\n";

    expect(typedExamples(page)).toEqual([{ a: 'A\n', 'slipway.yml': 'version: 1\n' }]);
  });
});
