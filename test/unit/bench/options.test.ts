import { describe, expect, it } from '@jest/globals';
import { BenchUsage, readOptions } from '../../../bench/options.ts';

describe('what npm run bench is asked', () => {
  it('measures everything of a subject five times unless it is told otherwise', () => {
    expect(readOptions(['images'])).toMatchObject({
      subject: 'images',
      runs: 5,
      engines: ['classic', 'modern'],
      images: ['small', 'medium', 'large'],
      only: undefined,
    });
    expect(
      readOptions(['images', '--images', 'large', '--engines', 'modern', '--only', 'cold, nothing changed']),
    ).toMatchObject({ engines: ['modern'], images: ['large'], only: ['cold', 'nothing changed'] });
  });

  it.each([['--help'], ['images', '-h']])('measures nothing when it is asked for help: %s', (...args) => {
    expect(readOptions(args)).toBeUndefined();
  });

  it.each([
    { args: [], says: /subject is one of images, hash, tasks/ },
    { args: ['image'], says: /not "image"/ },
    { args: ['hash', 'tasks'], says: /One subject at a time, not also tasks/ },
    { args: ['images', '--engines', 'podman'], says: /--engines is one of classic, modern, not "podman"/ },
    { args: ['images', '--images', 'huge'], says: /--images is one of small, medium, large, not "huge"/ },
    { args: ['images', '--only', 'warm'], says: /--only is one of cold, .*, not "warm"/ },
    { args: ['hash', '--runs', '0'], says: /--runs is a whole number from 1, not "0"/ },
    { args: ['hash', '--runs', 'many'], says: /not "many"/ },
    { args: ['hash', '--rnus', '3'], says: /--rnus/ },
  ])('refuses $args before anything is set up', ({ args, says }) => {
    expect(() => readOptions(args)).toThrow(
      expect.objectContaining({ name: 'BenchUsage', message: expect.stringMatching(says) as unknown }),
    );
    expect(() => readOptions(args)).toThrow(BenchUsage);
  });
});
