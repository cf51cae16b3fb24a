import { describe, expect, it } from '@jest/globals';
import { renderArtifacts } from '../../../client/cli/render/artifact-text.ts';
import { describeKept } from '../../../client/cli/render/describe-task.ts';
import { pushChanges, pushStanding } from '../../../client/cli/render/push-changes.ts';
import { renderPush } from '../../../client/cli/render/push-text.ts';
import {
  clockTime,
  count,
  formatBytes,
  formatDuration,
  formatMemory,
  localTime,
  zoneText,
} from '../../../client/cli/render/quantities.ts';
import { renderTable } from '../../../client/cli/render/table.ts';
import type { PushDocument, PushTask } from '../../../model/schema/records.ts';
import { anImage, aPush, aRun, aTask } from '../../helpers/push-documents.ts';

const plain = (_style: unknown, text: string): string => text;

describe('quantities', () => {
  it.each([
    [0, '0.0 s'],
    [1_249, '1.2 s'],
    [59_940, '59.9 s'],
    [59_999, '1 min 00 s'],
    [245_000, '4 min 05 s'],
    [7_800_000, '2 h 10 min'],
  ])('shows %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_500, '1.5 kB'],
    [999_600, '1.0 MB'],
    [199_000_000, '199 MB'],
  ])('shows %d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [6 * 2 ** 20, '6 MiB'],
    [64 * 2 ** 20, '64 MiB'],
    [1.5 * 2 ** 30, '1.5 GiB'],
    [2 ** 30, '1 GiB'],
    [500_000, '488 KiB'],
  ])('shows %d bytes of memory as %s', (bytes, text) => expect(formatMemory(bytes)).toBe(text));

  it.each([
    [0, 'UTC'],
    [60, 'UTC+1'],
    [-180, 'UTC-3'],
    [345, 'UTC+5:45'],
    [-150, 'UTC-2:30'],
  ])('calls a clock that is %d minutes ahead %s', (minutes, text) => expect(zoneText(minutes)).toBe(text));

  it('shows a time by the clock of the reader, and says which that is', () => {
    const time = '2026-01-02T03:04:05.678Z';
    const [, day, clock, zone] = /^(\S+) (\S+) (UTC\S*)$/.exec(localTime(time)) ?? [];

    expect(new Date(`${day}T${clock}`).toISOString()).toBe('2026-01-02T03:04:05.000Z');
    expect(clockTime(time)).toBe(`${clock?.slice(0, 5)} ${zone}`);
  });

  it('counts in words', () => {
    expect([0, 1, 2].map((number) => count(number, 'task'))).toEqual(['no task', '1 task', '2 tasks']);
  });
});

describe('renderTable', () => {
  it('puts columns below each other and takes colours for nothing', () => {
    const red = '\u001b[31mbad\u001b[39m';
    expect(
      renderTable([
        ['a', red, 'x'],
        ['long', 'good', 'y'],
      ]),
    ).toEqual([`a     ${red}   x`, 'long  good  y']);
  });

  it('writes out what a terminal would obey, but for colours', () => {
    expect(
      renderTable([
        ['a\u001b[2Jb\nc', '\u001b[31mbad\u001b[39m'],
        ['\u009b1m\u007f', 'x'],
      ]),
    ).toEqual(['a\\u001b[2Jb\\u000ac  \u001b[31mbad\u001b[39m', '\\u009b1m\\u007f      x']);
  });
});

describe('artifacts', () => {
  it('have names that do not steer the terminal, not even its colours', () => {
    const artifact = { run: 0, sizeBytes: 1500, contentType: 'text/plain' };

    expect(renderArtifacts([{ ...artifact, name: 'public/\u001b[8mo\r\nut' }])).toEqual([
      'run 0  public/\\u001b[8mo\\u000d\\u000aut  1.5 kB  text/plain',
    ]);
  });
});

it('A push without a plan says what planning does', () => {
  const options = { paint: plain, nowMs: 0, trouble: [], planning: 'fetching https://git.example/large' };

  expect(renderPush(aPush(), options)).toContain('  it is being planned: fetching https://git.example/large');
});

describe('a task of a push', () => {
  it('is shown with what it is for, where it says it', () => {
    const tasks = [aTask({ description: 'Run the tests' }), aTask({ label: 'docs' })];
    const lines = renderPush(aPush({ tasks }), { paint: plain, nowMs: 0, trouble: [] });

    expect(lines.slice(-2)).toEqual([
      '  unit  unscheduled  lint    Run the tests',
      '  docs  unscheduled  lint',
    ]);
  });
});

describe('pushChanges', () => {
  it('says at first what was planned and what each image is for', () => {
    const after = aPush({
      decisionMs: 400,
      images: [anImage({ name: 'base', outcome: 'reused' }), anImage()],
      tasks: [aTask(), aTask({ label: 'docs' })],
    });
    expect(pushChanges(undefined, after)).toEqual([
      'planned in 0.4 s: 2 tasks, 2 images, 1 to build',
      'image base: reused',
      'image lint: to build, no image of this name was built before',
    ]);
  });

  it('says nothing of builds where no image of the tree is needed', () => {
    expect(pushChanges(undefined, aPush({ decisionMs: 200, tasks: [aTask()] }))).toEqual([
      'planned in 0.2 s: 1 task, no image',
    ]);
  });

  it('says nothing when nothing happened', () => {
    const push = aPush({
      decisionMs: 1,
      images: [anImage()],
      tasks: [aTask({ state: 'running', runs: [aRun({ state: 'running' })] })],
    });
    expect(pushChanges(push, push)).toEqual([]);
  });

  it('tells of images that are built and tasks that start, fail and are never run', () => {
    const before = aPush({
      decisionMs: 1,
      images: [anImage()],
      tasks: [aTask(), aTask({ label: 'docs' }), aTask({ label: 'site' })],
    });
    const after = aPush({
      decisionMs: 1,
      images: [anImage({ outcome: 'built', bytesUploaded: 52_000_000 })],
      tasks: [
        aTask({
          state: 'failed',
          reason: 'failed',
          runs: [aRun({ state: 'failed', reason: 'failed', exitCode: 3 })],
        }),
        aTask({ label: 'docs', state: 'running', runs: [aRun({ state: 'running' })] }),
        aTask({ label: 'site', state: 'exception', reason: 'dependency-failed', culprit: aTask().taskId }),
      ],
    });
    expect(pushChanges(before, after)).toEqual([
      'image lint: built, 52 MB stored',
      'unit: failed with exit code 3, ran 1.2 s',
      'docs: running',
      'site: exception: dependency-failed (unit)',
    ]);
  });

  it('tells of a run that was lost and is followed by another', () => {
    const before = aPush({
      decisionMs: 1,
      tasks: [aTask({ state: 'running', runs: [aRun({ state: 'running' })] })],
    });
    const lost = aRun({ state: 'exception', reason: 'worker-lost', exitCode: undefined });
    const after = aPush({ decisionMs: 1, tasks: [aTask({ state: 'pending', runs: [lost] })] });
    expect(pushChanges(before, after)).toEqual(['unit: run 0 ended worker-lost, a new one follows']);
  });

  it('tells how many runs there may be', () => {
    const [lost, running] = [
      aRun({ state: 'exception', reason: 'worker-lost', exitCode: undefined }),
      aRun({ run: 1, state: 'running', phases: {} }),
    ];
    const before = aPush({ decisionMs: 1, tasks: [aTask({ state: 'running', runs: [running] })] });
    const pending = aTask({ state: 'pending', runs: [lost], budget: { runs: 1, atMost: 6 } });
    const again = aTask({ state: 'running', runs: [lost, running], budget: { runs: 2, atMost: 6 } });
    const rows = renderPush(aPush({ tasks: [pending, again] }), { paint: plain, nowMs: 0, trouble: [] });

    expect(pushChanges(before, aPush({ decisionMs: 1, tasks: [pending] }))).toEqual([
      'unit: run 0 ended worker-lost, a new one follows, 2 of at most 6',
    ]);
    expect(rows.slice(-2)).toEqual([
      '  unit  pending  lint  ran 1.2 s, run 0 ended worker-lost, 1 of at most 6',
      '  unit  running  lint  run 1, 2 of at most 6',
    ]);
    // Nothing is said of the first run, which mostly is the only one.
    expect(
      renderPush(aPush({ tasks: [aTask({ state: 'running', runs: [running] })] }), {
        paint: plain,
        nowMs: 0,
        trouble: [],
      }).at(-1),
    ).toBe('  unit  running  lint');
  });

  it('sums up how far the push is', () => {
    const push = aPush({
      images: [anImage()],
      tasks: [aTask({ state: 'completed' }), aTask({ label: 'docs', state: 'running' })],
    });
    expect(pushStanding(push)).toBe('1 of 2 tasks resolved; building lint; running docs');
    expect(pushStanding(aPush())).toBe('not planned yet');
    expect(pushStanding(aPush({ decisionMs: 1, images: [anImage()] }))).toBe('building lint');
  });
});

describe('describeKept', () => {
  const until = '2026-01-02T03:04:00.000Z';
  const at = (time: string, over: Partial<PushTask['runs'][number]>): string | undefined =>
    describeKept(aTask({ taskId: 'task/x', runs: [aRun(over)] }), Date.parse(time));

  it('says by the clock of the reader until when a failed task can be joined, and nothing afterwards', () => {
    expect(at('2026-01-02T03:03:00Z', { keptUntil: until })).toBe(
      `kept until ${clockTime(until)}: slipway shell task/x`,
    );
    expect(clockTime(until)).toMatch(/^\d\d:04 UTC/);
    expect(at('2026-01-02T03:04:00Z', { keptUntil: until })).toBeUndefined();
    expect(at('2026-01-02T03:03:00Z', {})).toBeUndefined();
  });
});

describe('renderPush', () => {
  it('says who pushed, as far as that is known, and nothing that a terminal obeys', () => {
    const lineOf = (over: Partial<PushDocument>): string | undefined =>
      renderPush(aPush(over), { paint: plain, nowMs: 0, trouble: [] })[1];

    expect(lineOf({})).toBe('  file:///srv/git/demo.git main');
    expect(lineOf({ pushedBy: 'anne\u001b[2J' })).toBe(
      '  file:///srv/git/demo.git main, pushed by anne\\u001b[2J',
    );
  });

  it('says on one line what moved whole where less would have done, how often and why', () => {
    const fellBack = 'pull failed: EOF';
    const unit = aTask({ runs: [aRun(), aRun({ run: 1, fellBack })] });
    const others = ['a', 'b', 'c'].map((label) => aTask({ label, runs: [aRun({ fellBack: 'x' })] }));
    const lint = anImage({ outcome: 'built', fellBack: 'published: push failed: 500' });
    const lines = (tasks: readonly PushTask[]): readonly string[] =>
      renderPush(aPush({ images: [lint], tasks: [...tasks] }), { paint: plain, nowMs: 0, trouble: [] });

    expect(lines([unit]).slice(-2)).toEqual([
      '',
      'More was moved than needed, 2 times: image lint (published: push failed: 500), unit (pull failed: EOF)',
    ]);
    expect(lines([unit, ...others]).at(-1)).toMatch(/, 5 times: .*, a \(x\), 2 more$/);
    expect(renderPush(aPush(), { paint: plain, nowMs: 0, trouble: [] }).join()).not.toContain('More moved');
  });

  it('shows images, tasks and the ends of the logs of those that failed', () => {
    const document = aPush({
      state: 'failed',
      reason: 'failed',
      resolved: '2026-01-02T03:04:17.300Z',
      images: [anImage({ outcome: 'reused', why: 'built before' })],
      tasks: [aTask({ state: 'failed', reason: 'failed', runs: [aRun({ exitCode: 3 })] })],
    });
    const trouble = [
      { name: 'unit', taskId: 'task/x', what: 'failed with exit code 3', lastLines: ['boom'], kept: 'kept' },
    ];

    const text = renderPush(document, { paint: plain, nowMs: 0, url: 'http://ui', trouble }).join('\n');

    expect(text).toContain('failed in 12.3 s');
    expect(text).toContain('http://ui');
    expect(text).toMatch(/lint +abcdef012345 +reused +built before/);
    expect(text).toMatch(/unit +failed with exit code 3 +lint +ran 1\.2 s/);
    expect(text).toContain('  | boom\n  the whole log: slipway logs task/x\n  kept');
  });

  it('shows the findings of a push that could not be planned', () => {
    const finding = {
      severity: 'error' as const,
      file: 'slipway.yml',
      line: 3,
      column: 9,
      message: 'there is no image "x"',
    };
    const document = aPush({ state: 'exception', reason: 'malformed-plan', findings: [finding] });

    const text = renderPush(document, { paint: plain, nowMs: 0, trouble: [] }).join('\n');

    expect(text).toContain('exception: malformed-plan');
    expect(text).toContain('  slipway.yml:3:9: there is no image "x"');
  });

  it.each([
    ['beside warnings', 'warning' as const, 1],
    ['and leaves it to mistakes, of which it is the first', 'error' as const, 0],
  ])('says why a push ended as it did, %s', (_where, severity, times) => {
    const finding = { severity, file: 'slipway.yml', line: 1, column: 1, message: 'no digest' };
    const document = aPush({ state: 'exception', detail: 'by anne', findings: [finding] });

    const lines = renderPush(document, { paint: plain, nowMs: 0, trouble: [] });

    expect(lines.filter((line) => line === '  by anne')).toHaveLength(times);
  });
});
