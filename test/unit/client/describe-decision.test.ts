import { describe, expect, it } from '@jest/globals';
import { describeDecision } from '../../../client/describe-decision.ts';
import { anImage, aPush, aTask } from '../../helpers/push-documents.ts';

const PLANNED = { decisionMs: 5 };

describe('what was decided', () => {
  it.each([
    ['tasks and their images', [anImage()], [aTask()], '1 task; to build: lint'],
    ['images alone', [anImage({ name: 'tools' })], [], 'no task; to build: tools'],
    [
      'images alone, all of them known',
      [anImage({ outcome: 'reused' })],
      [],
      'no task; nothing to build; known: lint',
    ],
    ['nothing', [], [], 'no task is wanted'],
    ['nothing, of a tree with images', [anImage({ outcome: 'not-needed' })], [], 'no task is wanted'],
  ])('is said of a push of %s', (_what, images, tasks, line) => {
    expect(describeDecision(aPush({ ...PLANNED, images, tasks }))).toEqual([line]);
  });

  it('is said of a rerun that was refused, also where its plan had a warning', () => {
    const warning = { severity: 'warning', file: 'slipway.yml', line: 1, column: 2, message: 'odd' } as const;
    const refused = { state: 'exception', reason: 'malformed-plan', detail: 'not granted any more' } as const;

    expect(describeDecision(aPush({ ...PLANNED, ...refused, findings: [warning] }))).toEqual([
      'nothing is run, there are mistakes:',
      '  not granted any more',
      '  slipway.yml:1:2: warning: odd',
    ]);
  });
});
