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
});
