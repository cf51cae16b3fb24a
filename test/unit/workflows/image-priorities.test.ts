import { describe, expect, it } from '@jest/globals';
import { imagePriorities } from '../../../workflows/image-priorities.ts';

const images = [
  { name: 'base' },
  { name: 'tools', parent: 'base' },
  { name: 'lint', parent: 'tools' },
  { name: 'other' },
  { name: 'unneeded', parent: 'other' },
];

describe('the priority of an image', () => {
  it('is that of the most urgent task that runs in it, or in one that is built on it', () => {
    const tasks = [
      { image: 'base', priority: 5 },
      { image: 'lint', priority: 4 },
      { image: 'lint', priority: 1 },
      { image: 'tools', priority: 3 },
      { image: 'other', priority: 2 },
      { priority: 1 },
    ];

    expect(Object.fromEntries(imagePriorities(images, tasks))).toEqual({
      base: 1,
      tools: 1,
      lint: 1,
      other: 2,
    });
  });

  it('is not known of one that no task needs', () => {
    expect([...imagePriorities(images, [{ priority: 1 }])]).toEqual([]);
  });
});
