import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { selectTasks } from '../../../plan/select-tasks.ts';

const VALID = `version: 1
x-common: &common { retries: 1 }
images:
  base: { context: docker/base }
  lint: { context: docker/lint, parent: base, args: { N: "24" } }
defaults: { maxRunTime: 1800, env: { CI: "1" } }
tasks:
  compile:
    <<: *common
    image: { in-tree: lint }
    command: [make, all]
    artifacts:
      public/build.tar: { type: file, path: /build/all.tar, expires: 30 days }
  unit:
    dependencies: [compile]
    image: debian:bookworm
    inputs: { /in/all.tar: { task: compile, artifact: public/build.tar } }
    when: { changed: ["src/**"], refs: [main], levels: [1, 3] }
    resources: { memory: 2g }
`;

const PIECES = [
  '*',
  '&a',
  '{',
  '}',
  '[',
  ']',
  ': ',
  '- ',
  '\n',
  '\n  ',
  '"',
  "'",
  '<<: *common',
  '!x',
  '#',
  '|',
  '?',
  '\t',
  '\0',
  '__proto__: ',
  'constructor',
  '1',
  'true',
  'null',
  '~',
  '..',
  '/',
  '---\n',
  'image: ',
  'tasks:\n',
  'é',
  '\u{1f600}',
];

/** What holds for every text: findings with places inside it, and a config exactly when none is an error. */
function expectSound(text: string): void {
  const { config, findings } = parseSlipwayYml(text);
  const lines = text.split('\n');

  expect(findings.some(({ severity }) => severity === 'error')).toBe(config === undefined);
  for (const { line, column, message } of findings) {
    expect(message).not.toBe('');
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
  }
  const order = findings.map(({ line, column }) => line * 1e6 + column);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  if (config) selectTasks(config, { ref: 'main', level: 1, changedFiles: ['a'] });
}

describe('parseSlipwayYml', () => {
  it('answers every text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), expectSound), { numRuns: 60 });
  });

  it('answers every heap of pieces of YAML', () => {
    const heap = fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((pieces) => pieces.join(''));

    fc.assert(
      fc.property(heap, (text) => expectSound(`version: 1\n${text}`)),
      { numRuns: 60 },
    );
  });

  it('answers every valid file with random cuts and insertions', () => {
    const edit = fc.record({
      at: fc.nat(VALID.length),
      cut: fc.nat(12),
      insert: fc.oneof(fc.constantFrom(...PIECES, ''), fc.string({ maxLength: 6 })),
    });
    const edited = fc
      .array(edit, { minLength: 1, maxLength: 4 })
      .map((edits) =>
        edits.reduce((text, { at, cut, insert }) => text.slice(0, at) + insert + text.slice(at + cut), VALID),
      );

    fc.assert(fc.property(edited, expectSound), { numRuns: 100 });
  });

  it('answers every valid file of which one value is any JSON', () => {
    const lines = VALID.split('\n');
    const replaced = fc
      .tuple(fc.nat(lines.length - 1), fc.jsonValue({ maxDepth: 3 }))
      .map(([index, value]) =>
        lines
          .map((line, at) => (at === index ? line.replace(/: .*$|:$/, `: ${JSON.stringify(value)}`) : line))
          .join('\n'),
      );

    fc.assert(fc.property(replaced, expectSound), { numRuns: 60 });
  });
});
