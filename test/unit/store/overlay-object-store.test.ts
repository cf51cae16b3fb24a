import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ObjectStore } from '../../../store/object-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { createOverlay } from '../../../store/overlay-object-store.ts';
import { describeObjectStore } from '../../helpers/object-store-contract.ts';

describeObjectStore('an overlay', () => createOverlay(createMemoryObjectStore(), createMemoryObjectStore()));

describe('an overlay over a store that has objects', () => {
  let lower: ObjectStore;
  let overlay: ObjectStore;
  beforeEach(async () => {
    lower = createMemoryObjectStore();
    overlay = createOverlay(createMemoryObjectStore(), lower);
    await lower.put('a/below', Buffer.from('below'), { contentType: 'x/y', metadata: { m: '1' } });
    await lower.put('a/both', Buffer.from('below'));
  });

  const textOf = async (objects: ObjectStore, key: string) => (await objects.get(key))?.body.toString();

  it('reads what lies below, and hides it by what is written', async () => {
    await overlay.put('a/both', Buffer.from('above'));

    expect(await textOf(overlay, 'a/below')).toBe('below');
    expect(await textOf(overlay, 'a/both')).toBe('above');
    expect(await textOf(lower, 'a/both')).toBe('below');
  });

  it('counts what lies below for conditions', async () => {
    const etag = (await lower.head('a/both'))!.etag;

    const created = overlay.put('a/both', Buffer.from('x'), { onlyIf: 'absent' });
    const stale = overlay.put('a/both', Buffer.from('x'), { onlyIf: { etag: '"other"' } });

    await expect(created).rejects.toMatchObject({ type: 'WriteConflict' });
    await expect(stale).rejects.toMatchObject({ type: 'WriteConflict' });
    await overlay.put('a/both', Buffer.from('changed'), { onlyIf: { etag } });
    expect(await textOf(overlay, 'a/both')).toBe('changed');
    const again = overlay.put('a/both', Buffer.from('x'), { onlyIf: { etag } });
    await expect(again).rejects.toMatchObject({ type: 'WriteConflict' });
  });

  it('copies from below to above', async () => {
    await overlay.copy('a/below', 'a/copy');

    expect(await overlay.head('a/copy')).toMatchObject({
      contentType: 'x/y',
      metadata: { m: '1' },
      sizeBytes: 5,
    });
    expect(await lower.head('a/copy')).toBeUndefined();
  });

  it('lists both in order, each key once', async () => {
    await overlay.put('a/aaa', Buffer.from('x'));
    await overlay.put('a/both', Buffer.from('longer than below'));
    await overlay.put('a/zzz', Buffer.from('x'));

    const listed = [];
    for await (const { key, sizeBytes } of overlay.list('a/')) listed.push([key, sizeBytes]);

    expect(listed).toEqual([
      ['a/aaa', 1],
      ['a/below', 5],
      ['a/both', 17],
      ['a/zzz', 1],
    ]);
  });

  it('takes nothing away below', async () => {
    await overlay.delete(['a/below']);

    expect(await textOf(lower, 'a/below')).toBe('below');
  });
});
