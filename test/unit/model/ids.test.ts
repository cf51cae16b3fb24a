import { describe, expect, it } from '@jest/globals';
import { containerName } from '../../../model/container-name.ts';
import {
  engineQueueName,
  imageTaskId,
  parseId,
  pushId,
  queueName,
  storeKey,
  taskId,
  taskIdIn,
} from '../../../model/pure/ids.ts';
import { normalizeRequest, variantOf } from '../../../model/variant.ts';

const REVISION = '1a2b3c4d5e6f7a8b9c0d1a2b3c4d5e6f7a8b9c0d';
const push = { project: 'demo', level: 3, revision: REVISION } as const;
const image = { domain: 'demo', level: 1, name: 'lint', imageHash: 'f'.repeat(64) } as const;

describe('ids', () => {
  it.each([
    [pushId(push), `push/demo/3/${REVISION}`],
    [pushId({ ...push, variant: '0123456789ab' }), `push/demo/3/${REVISION}~0123456789ab`],
    [taskId(push, 'lint/js'), `task/demo/3/${REVISION}/lint/js`],
    [taskIdIn(`push/demo/3/${REVISION}~0123456789ab`, 'unit'), `task/demo/3/${REVISION}~0123456789ab/unit`],
    [imageTaskId(image), `image/demo/1/lint/${'f'.repeat(64)}`],
  ])('are legible: %s', (id, expected) => {
    expect(id).toBe(expected);
  });

  it('are taken apart again', () => {
    expect(parseId(taskId({ ...push, variant: 'abc' }, 'a/b/c'))).toEqual({
      kind: 'task',
      ...push,
      variant: 'abc',
      label: 'a/b/c',
    });
    expect(parseId(imageTaskId(image))).toEqual({ kind: 'image', ...image });
    expect(parseId(pushId(push))).toEqual({ kind: 'push', ...push });
  });

  it.each([
    '',
    'push',
    'push/demo/4/abc',
    'push/demo/3',
    `push/demo/3/${REVISION}/x`,
    'task/demo/1/abc',
    'image/a/1/b',
    'image/a/1/b/c/d',
    'other/a/1/b',
  ])('of no kind of ours give undefined: %j', (id) => {
    expect(parseId(id)).toBeUndefined();
  });

  it('give store keys of which none is the directory of another', () => {
    const labels = ['lint', 'lint/js', 'lint/js/strict', 'lint/runs'];

    const keys = labels.map((label) => storeKey(taskId(push, label)));

    expect(keys[1]).toBe(`task/demo/${REVISION}/lint~js`);
    for (const key of keys) expect(keys.filter((other) => other.startsWith(`${key}/`))).toEqual([]);
  });

  it('name queues', () => {
    expect([queueName('runner-dind', 1), engineQueueName(3, 'AB:CD')]).toEqual([
      'runner-dind-1',
      'runner-3@AB:CD',
    ]);
  });

  it('name containers within what engines accept, apart for each run and installation', () => {
    const id = taskId(push, 'Lint/js+ts'.padEnd(200, 'x'));

    const names = [
      containerName('ours', id, 0),
      containerName('ours', id, 1),
      containerName('theirs', id, 0),
    ];

    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,100}$/);
    expect(containerName('ours', id, 0)).toBe(names[0]);
  });
});

describe('the variant of a push', () => {
  it('is absent when nothing was asked', () => {
    expect([variantOf({}), variantOf({ tasks: [], rebuild: [] })]).toEqual([undefined, undefined]);
  });

  it('is a golden hash of what was asked, whatever the order', () => {
    expect(variantOf({ tasks: ['unit', 'lint/*', 'unit'] })).toBe(variantOf({ tasks: ['lint/*', 'unit'] }));
    expect(variantOf({ tasks: ['lint/*', 'unit'] })).toBe('ae908f703b34');
    expect(normalizeRequest({ rebuild: ['b', 'a'] })).toEqual({ rebuild: ['a', 'b'] });
  });
});
