import { describe, expect, it } from '@jest/globals';
import { renderPlan } from '../../../client/cli/render/plan-text.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import type { Plan, PlannedImage, PlannedTask } from '../../../model/schema/plan.ts';

const plain = (_style: unknown, text: string): string => text;
const CONTEXT_HASH = 'c'.repeat(64);
const IMAGE_HASH = 'ab'.repeat(32);

function anImage(over: Partial<PlannedImage>): PlannedImage {
  return {
    name: 'lint',
    taskId: 'image/demo/1/lint/unknown',
    context: 'lint',
    parent: null,
    tarball: 'view',
    inputs: { contextHash: CONTEXT_HASH, args: {}, platform: 'linux/amd64', parent: null, bases: {} },
    contextHash: CONTEXT_HASH,
    imageHash: null,
    action: 'unknown',
    why: 'no store is reachable',
    missingBases: [],
    ...over,
  };
}

function aPlan(over: Partial<Plan>): Plan {
  return {
    version: 1,
    pushId: `push/demo/1/${'1'.repeat(40)}`,
    plannedAt: '2026-01-10T00:00:00.000Z',
    project: 'demo',
    domain: 'demo',
    level: 1,
    repository: 'file:///demo',
    ref: 'refs/heads/main',
    revision: '1'.repeat(40),
    request: {},
    warnings: [],
    images: [],
    tasks: [],
    skipped: [],
    ...over,
  };
}

function imagesOf(images: PlannedImage[]): string[] {
  const lines = renderPlan(aPlan({ images }), { paint: plain });
  return lines.slice(lines.findIndex((line) => line.startsWith('Images')));
}

describe('images of a plan', () => {
  it('that nobody knows are counted, with the reason once and the hash of their context', () => {
    expect(imagesOf([anImage({ name: 'base' }), anImage({ imageHash: IMAGE_HASH })])).toEqual([
      'Images: 2, not known whether to build: no store is reachable',
      '  base  context cccccccccccc  unknown',
      '  lint  abababababab          unknown',
    ]);
  });

  it('that are not known for several reasons have each its own', () => {
    const images = [
      anImage({ name: 'base', imageHash: IMAGE_HASH, action: 'build', why: 'args changed' }),
      anImage({ name: 'docs', why: 'no record of its base: debian' }),
      anImage({ why: 'no record of its base: fedora' }),
    ];

    expect(imagesOf(images)).toEqual([
      'Images: 1 build; 2, not known whether to build',
      '  base  abababababab          build    args changed',
      '  docs  context cccccccccccc  unknown  no record of its base: debian',
      '  lint  context cccccccccccc  unknown  no record of its base: fedora',
    ]);
  });

  it('that are known are only counted as builds', () => {
    const image = anImage({ imageHash: IMAGE_HASH, action: 'reuse', why: 'built before' });

    expect(imagesOf([image])[0]).toBe('Images: no build');
  });
});

describe('tasks of a plan', () => {
  it('are shown with what they are for, where they say it', () => {
    const { config } = parseSlipwayYml(
      'version: 1\ntasks: { a: { image: debian, description: Compile }, b: { image: debian } }\n',
    );
    const tasks = Object.values(config?.tasks ?? {}).map((task): PlannedTask => ({ ...task, why: 'all' }));

    expect(renderPlan(aPlan({ tasks }), { paint: plain }).slice(2)).toEqual([
      'Tasks: 2',
      '  a  debian  all  Compile',
      '  b  debian  all',
    ]);
  });
});
