import { describe, expect, it } from '@jest/globals';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import type { ValidConfig } from '../../../plan/parse-slipway-yml.ts';
import { selectTasks } from '../../../plan/select-tasks.ts';
import type { Selection } from '../../../plan/select-tasks.ts';

const FILE = `
version: 1
images:
  tools: { context: docker/tools, parent: base }
  base: { context: docker/base }
  lint: { context: docker/lint, parent: tools }
  other: { context: docker/other }
tasks:
  unit: { image: debian, dependencies: [compile], when: { changed: ["src/**"] } }
  compile: { image: { in-tree: base }, dependencies: [gen], when: { changed: ["src/**", "*.c"] } }
  gen: { image: debian }
  lint/js: { image: { in-tree: lint } }
  lint/css: { image: { in-tree: lint }, when: { changed: ["**/*.css"] } }
  release: { image: { in-tree: other }, dependencies: [sign], when: { refs: [main, "release/*"] } }
  sign: { image: debian, when: { levels: [3] } }
`;

function config(text = FILE): ValidConfig {
  const parsed = parseSlipwayYml(text);
  if (!parsed.config) throw new Error(JSON.stringify(parsed.findings));
  return parsed.config;
}

function select(selection: Partial<Selection> = {}): ReturnType<typeof selectTasks> {
  return selectTasks(config(), { ref: 'refs/heads/main', level: 3, ...selection });
}

const labels = (selected: ReturnType<typeof selectTasks>): string[] =>
  selected.tasks.map(({ label }) => label);
const whys = (selected: ReturnType<typeof selectTasks>): Record<string, string> =>
  Object.fromEntries([...selected.tasks, ...selected.skipped].map(({ label, why }) => [label, why]));

describe('selectTasks without patterns', () => {
  it('wants every task when all conditions hold, dependencies before dependents, else in the order of the file', () => {
    const selected = select();

    expect(labels(selected)).toEqual(['gen', 'compile', 'unit', 'lint/js', 'lint/css', 'sign', 'release']);
    expect(new Set(selected.tasks.map(({ why }) => why))).toEqual(
      new Set(['no selection: every task whose `when` holds']),
    );
    expect(selected.skipped).toEqual([]);
  });

  it('wants a task that names no changed file only where it is named or needed, also when everything counts as changed', () => {
    const text = `${FILE}  deploy: { image: debian, when: { changed: [] } }\n`;
    const parsed = parseSlipwayYml(text);
    const of = (selection: Partial<Selection>): ReturnType<typeof selectTasks> =>
      selectTasks(config(text), { ref: 'refs/heads/main', level: 3, ...selection });

    expect(parsed.findings).toEqual([]);
    for (const changedFiles of [undefined, ['a']])
      expect(whys(of({ changedFiles }))['deploy']).toBe('"changed" names no file');
    expect(labels(of({ tasks: ['deploy'] }))).toEqual(['deploy']);
  });

  it('takes an empty list of patterns for no patterns', () => {
    expect(labels(select({ tasks: [] }))).toEqual(labels(select()));
  });

  it('gives planned tasks without their `when`', () => {
    expect(select().tasks.every((task) => !('when' in task))).toBe(true);
  });

  it.each([
    [
      'a glob over directories',
      ['src/deep/.hidden'],
      ['gen', 'compile', 'unit', 'lint/js', 'sign', 'release'],
    ],
    ['a glob that stops at "/"', ['main.c'], ['gen', 'compile', 'lint/js', 'sign', 'release']],
    ['a glob that does not reach down', ['lib/main.c'], ['gen', 'lint/js', 'sign', 'release']],
    ['a glob over everything', ['web/a.css'], ['gen', 'lint/js', 'lint/css', 'sign', 'release']],
    ['nothing', [], ['gen', 'lint/js', 'sign', 'release']],
  ])('holds `changed` against the changed files: %s', (_what, changedFiles, expected) => {
    expect(labels(select({ changedFiles }))).toEqual(expected);
  });

  it('says of each task that it leaves out why', () => {
    const selected = select({ ref: 'feature', level: 1, changedFiles: ['README'] });

    expect(selected.skipped).toEqual([
      { label: 'unit', why: 'no changed file matches src/**' },
      { label: 'compile', why: 'no changed file matches src/**, *.c' },
      { label: 'lint/css', why: 'no changed file matches **/*.css' },
      { label: 'release', why: 'ref feature is not among main, release/*' },
      { label: 'sign', why: 'level 1 is not among 3' },
    ]);
  });

  it('wants a dependency whose `changed` does not hold, and says so', () => {
    const text = FILE.replace('changed: ["src/**"] } }', 'changed: [test/**] } }');

    const selected = selectTasks(config(text), { ref: 'main', level: 3, changedFiles: ['test/a'] });

    expect(whys(selected)).toMatchObject({
      compile: 'needed by unit, although no changed file matches src/**, *.c',
    });
  });

  it.each([
    ['refs/heads/main', true],
    ['main', true],
    ['refs/heads/release/1', true],
    ['release/1/2', true],
    ['refs/tags/main', false],
    ['try', false],
  ])('holds `refs` against the branch: %s', (ref, isWanted) => {
    expect(labels(select({ ref })).includes('release')).toBe(isWanted);
  });

  it('lets `refs` name a full ref', () => {
    const text = 'version: 1\ntasks: {a: {image: debian, when: {refs: ["refs/tags/**", refs/heads/main]}}}';

    expect(labels(selectTasks(config(text), { ref: 'refs/tags/v/1', level: 1 }))).toEqual(['a']);
    expect(labels(selectTasks(config(text), { ref: 'refs/heads/main', level: 1 }))).toEqual(['a']);
    expect(labels(selectTasks(config(text), { ref: 'refs/heads/v', level: 1 }))).toEqual([]);
  });

  it.each([
    ['["release/*", "!release/old"]', 'main', false],
    ['["release/*", "!release/old"]', 'release/new', true],
    ['["release/*", "!release/old"]', 'release/old', false],
    ['["release/*", "!refs/heads/release/old"]', 'release/old', false],
    ['["!release/old"]', 'main', true],
    ['["!release/old"]', 'refs/heads/release/old', false],
    ['["*"]', 'a/b/c', true],
    ['["*"]', 'refs/tags/v1', true],
  ])('takes out of `refs` what stands after "!": %s on %s', (refs, ref, isWanted) => {
    const text = `version: 1\ntasks: {a: {image: debian, when: {refs: ${refs}}}}`;

    expect(labels(selectTasks(config(text), { ref, level: 1 })).includes('a')).toBe(isWanted);
  });

  it.each([
    [['README.md'], false],
    [['src/doc/a'], false],
    [['src/doc/a', 'src/a'], true],
  ])('takes out of `changed` what stands after "!": %j', (changedFiles, isWanted) => {
    const text = 'version: 1\ntasks: {a: {image: debian, when: {changed: ["src/**", "!src/doc/**"]}}}';
    const selected = selectTasks(config(text), { ref: 'main', level: 1, changedFiles });

    expect(labels(selected).includes('a')).toBe(isWanted);
  });

  it('skips a task whose dependency may not run here, however far away', () => {
    const text = `
version: 1
tasks:
  c: { image: debian, dependencies: [b] }
  b: { image: debian, dependencies: [a] }
  a: { image: debian, when: { levels: [3] } }
`;

    expect(selectTasks(config(text), { ref: 'main', level: 1 }).skipped).toEqual([
      { label: 'c', why: 'needs a: level 1 is not among 3' },
      { label: 'b', why: 'needs a: level 1 is not among 3' },
      { label: 'a', why: 'level 1 is not among 3' },
    ]);
  });
});

describe('selectTasks with patterns', () => {
  it.each([
    [['lint/*', '!lint/css'], ['lint/js']],
    [
      ['!lint/*', '!release', '!unit'],
      ['gen', 'compile', 'sign'],
    ],
    [
      ['unit', '!gen'],
      ['gen', 'compile', 'unit'],
    ],
  ])('leaves out what stands after "!", unless another needs it: %j', (tasks, expected) => {
    const selected = select({ tasks });

    expect(labels(selected)).toEqual(expected);
    expect(selected.findings).toEqual([]);
  });

  it('says what a task was taken out by', () => {
    expect(whys(select({ tasks: ['lint/*', '!lint/css'] }))['lint/css']).toBe('taken out by "!lint/css"');
  });

  it.each([
    ['!lint/ccs', 'no task matches "lint/ccs"'],
    ['image:!lint', 'no image can be taken out: "lint"'],
    ['!image:lint', 'no image can be taken out: "lint"'],
  ])('refuses to leave out what is not there: %s', (pattern, message) => {
    expect(select({ tasks: ['unit', pattern] }).findings.map((found) => found.message)).toEqual([message]);
  });

  it('wants what is named and, transitively, what that needs', () => {
    const selected = select({ tasks: ['unit'], changedFiles: ['README'] });

    expect(labels(selected)).toEqual(['gen', 'compile', 'unit']);
    expect(whys(selected)).toMatchObject({
      unit: 'selected by "unit"',
      compile: 'needed by unit, although no changed file matches src/**, *.c',
      gen: 'needed by compile',
      'lint/js': 'not selected',
    });
  });

  it.each([
    ['lint/*', ['lint/js', 'lint/css']],
    ['lint*', undefined],
    ['*', ['gen', 'compile', 'unit', 'sign', 'release']],
    ['{gen,sign}', ['gen', 'sign']],
    ['lint/j?', ['lint/js']],
  ])('takes globs: %s', (pattern, expected) => {
    const selected = select({ tasks: [pattern], changedFiles: [] });

    expect(labels(selected)).toEqual(expected ?? []);
    expect(selected.findings.length).toBe(expected ? 0 : 1);
  });

  it.each([
    ['refs', 'release', { ref: 'try' }, 'ref try is not among main, release/*'],
    ['levels', 'sign', { level: 1 as const }, 'level 1 is not among 3'],
    ['levels of what it needs', 'release', { level: 1 as const }, 'needs sign: level 1 is not among 3'],
  ])('does not lift %s', (_what, label, selection, why) => {
    const selected = select({ ...selection, tasks: [label] });

    expect(selected.tasks).toEqual([]);
    expect(selected.skipped).toContainEqual({ label, why });
    expect(selected.findings).toEqual([]);
  });

  it('reports each pattern that matches nothing, with the nearest label', () => {
    const selected = select({ tasks: ['gen', 'untit', '', 'none*'] });

    expect(labels(selected)).toEqual(['gen']);
    expect(selected.findings).toEqual([
      {
        severity: 'error',
        file: '--tasks',
        line: 1,
        column: 2,
        message: 'no task matches "untit"',
        hint: 'did you mean "unit"?',
      },
      {
        severity: 'error',
        file: '--tasks',
        line: 1,
        column: 3,
        message: 'the pattern "" is empty',
        hint: undefined,
      },
      expect.objectContaining({ column: 4, message: 'no task matches "none*"' }),
    ]);
  });

  it('divides all tasks into wanted and skipped, each once', () => {
    const selected = select({ tasks: ['compile', '*/js'] });

    expect([...labels(selected), ...selected.skipped.map(({ label }) => label)].sort()).toEqual(
      Object.keys(config().tasks).sort(),
    );
  });
});

describe('selectTasks, images', () => {
  it('needs the images of wanted tasks with their parents, parents first', () => {
    expect(select({ tasks: ['lint/js'] }).neededImages).toEqual(['base', 'tools', 'lint']);
    expect(select({ tasks: ['unit'] }).neededImages).toEqual(['base']);
    expect(select({ tasks: ['gen'] }).neededImages).toEqual([]);
  });

  it('needs images that a selection names, whether or not a task of it uses them', () => {
    const selected = select({ tasks: ['gen', 'image:lint'] });

    expect([labels(selected), selected.neededImages]).toEqual([['gen'], ['base', 'tools', 'lint']]);
    expect(select({ tasks: ['image:*'] })).toMatchObject({ tasks: [], findings: [] });
  });

  it('reports the name of an image that is unknown, with the nearest one', () => {
    expect(select({ tasks: ['gen', 'image:lnt'] }).findings).toEqual([
      {
        severity: 'error',
        file: '--tasks',
        line: 1,
        column: 2,
        message: 'no image matches "lnt"',
        hint: 'did you mean "lint"?',
      },
    ]);
  });
});

describe('selectTasks, size', () => {
  it('follows a chain of 1,000 tasks', () => {
    const lines = Array.from(
      { length: 1000 },
      (_, n) =>
        `  t${n}: {image: debian, dependencies: [${n === 999 ? '' : `t${n + 1}`}], when: {changed: [a]}}`,
    );

    const selected = selectTasks(config(`version: 1\ntasks:\n${lines.join('\n')}\n`), {
      ref: 'main',
      level: 1,
      tasks: ['t0'],
      changedFiles: [],
    });

    expect(labels(selected)).toEqual(Array.from({ length: 1000 }, (_, n) => `t${999 - n}`));
  });
});
