import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts';
import { aBody, aBrokenBody, aStalledBody, randomBytes, sha256 } from './bytes.ts';

/** Longer than what a store holds of a body before it decides how to send it. */
const LARGE_BYTES = 20_000_003;

/** What every object store promises; run against the real server, with pages of ten keys, and against the twin in memory. */
export function describeObjectStore(name: string, open: () => ObjectStore): void {
  jest.setTimeout(60_000);

  describe(`${name} as an object store`, () => {
    let objects: ObjectStore;
    const area = `contract-${randomUUID()}`;
    const newKey = (): string => `${area}/${randomUUID()}`;
    beforeAll(() => {
      objects = open();
    });

    describe('put, head and get', () => {
      it('gives back bytes, content type, digest and metadata', async () => {
        const key = newKey();

        const { etag } = await objects.put(key, Buffer.from('hello'), {
          contentType: 'text/plain; charset=utf-8',
          metadata: { TaskBytes: '12', name: 'a%20b' },
        });

        const expected = {
          key,
          etag,
          sizeBytes: 5,
          contentType: 'text/plain; charset=utf-8',
          metadata: { taskbytes: '12', name: 'a%20b' },
          sha256: sha256('hello'),
        };
        expect(await objects.head(key)).toMatchObject(expected);
        expect(await objects.get(key)).toMatchObject({ info: expected, body: Buffer.from('hello') });
      });

      it('answers undefined for what is not there', async () => {
        expect(await objects.head(newKey())).toBeUndefined();
        expect(await objects.get(newKey())).toBeUndefined();
        expect(await objects.stream(newKey())).toBeUndefined();
      });

      it('is deleted on condition only while it is the same', async () => {
        const key = newKey();
        const { etag } = await objects.put(key, Buffer.from('one'));
        const { etag: second } = await objects.put(key, Buffer.from('two'));

        expect(await objects.deleteIf(key, etag)).toBe(false);
        expect((await objects.get(key))?.body.toString()).toBe('two');
        expect(await objects.deleteIf(key, second)).toBe(true);
        expect(await objects.head(key)).toBeUndefined();
      });

      it('holds an empty object', async () => {
        const key = newKey();

        await objects.put(key, Buffer.alloc(0));

        expect((await objects.get(key))?.body).toEqual(Buffer.alloc(0));
        expect(await buffer((await objects.stream(key))!)).toEqual(Buffer.alloc(0));
      });

      it.each([
        'sp ace',
        'pl+us',
        '%41',
        'per%2Fcent',
        'q?x#y&z=1',
        "quo'te(1)*!~",
        'a:b@c',
        'back\\slash',
        '日本語',
        '<&>"',
      ])('keeps the key segment %p apart and finds it by listing', async (segment) => {
        const prefix = `${newKey()}/`;

        await objects.put(prefix + segment, Buffer.from(segment));
        await objects.copy(prefix + segment, `${prefix}copy of ${segment}`);

        expect((await objects.get(prefix + segment))?.body.toString()).toBe(segment);
        expect((await keysOf(objects.list(prefix))).sort()).toEqual(
          [prefix + segment, `${prefix}copy of ${segment}`].sort(),
        );
        await objects.delete([prefix + segment]);
        expect(await objects.head(prefix + segment)).toBeUndefined();
      });

      it.each(['a/../b', 'a//b', '/a', 'a/', './a', 'a\nb', 'x'.repeat(256), `${'x/'.repeat(600)}x`])(
        'refuses the key %p, which not every server holds apart',
        async (key) => {
          await expect(objects.put(key, Buffer.from('x'))).rejects.toMatchObject({ type: 'InternalError' });
          await expect(objects.putStream(key, aBody('x'))).rejects.toMatchObject({ type: 'InternalError' });
        },
      );
    });

    describe('conditions', () => {
      it('lets one of ten racing creations win', async () => {
        const key = newKey();

        const outcomes = await Promise.allSettled(
          Array.from({ length: 10 }, (_, n) =>
            objects.put(key, Buffer.from(`writer ${n}`), { onlyIf: 'absent' }),
          ),
        );

        const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
        expect(lost.map((outcome) => outcome.reason.type)).toEqual(Array(9).fill('WriteConflict'));
        const winner = outcomes.findIndex((outcome) => outcome.status === 'fulfilled');
        expect((await objects.get(key))?.body.toString()).toBe(`writer ${winner}`);
      });

      it('replaces an object only while it has the etag', async () => {
        const key = newKey();
        const first = await objects.put(key, Buffer.from('one'));
        await objects.put(key, Buffer.from('two'), { onlyIf: { etag: first.etag } });

        const stale = objects.put(key, Buffer.from('three'), { onlyIf: { etag: first.etag } });

        await expect(stale).rejects.toMatchObject({ type: 'WriteConflict', key });
        expect((await objects.get(key))?.body.toString()).toBe('two');
      });

      it('does not replace an object that is gone', async () => {
        const writing = objects.put(newKey(), Buffer.from('x'), { onlyIf: { etag: '"abc"' } });

        await expect(writing).rejects.toMatchObject({ type: 'WriteConflict' });
      });

      it('does not create a large object where one is', async () => {
        const key = newKey();
        await objects.put(key, Buffer.from('first'));

        const writing = objects.putStream(key, aBody(randomBytes(LARGE_BYTES)), { onlyIf: 'absent' });

        await expect(writing).rejects.toMatchObject({ type: 'WriteConflict' });
        expect((await objects.get(key))?.body.toString()).toBe('first');
      });
    });

    describe('putStream and stream', () => {
      const large = randomBytes(LARGE_BYTES);

      it.each([
        ['a small body of unknown size', large.subarray(0, 1000), {}],
        ['a small body that is announced', large.subarray(0, 1000), { announced: true }],
        ['an empty body', Buffer.alloc(0), {}],
        ['a large body of unknown size', large, {}],
        ['a large body that is announced', large, { announced: true }],
        ['a body of exactly two parts', large.subarray(0, 16 * 1024 ** 2), {}],
      ])('stores %s', async (_, bytes, { announced = false }: { announced?: boolean }) => {
        const key = newKey();
        const known = announced ? { sizeBytes: bytes.length, sha256: sha256(bytes) } : {};

        const written = await objects.putStream(key, aBody(bytes), {
          ...known,
          metadata: { a: 'b' },
          contentType: 'x/y',
        });

        expect(written).toMatchObject({ sizeBytes: bytes.length, sha256: sha256(bytes) });
        expect(await objects.head(key)).toMatchObject({
          etag: written.etag,
          sizeBytes: bytes.length,
          metadata: { a: 'b' },
          contentType: 'x/y',
        });
        expect((await buffer((await objects.stream(key))!)).equals(bytes)).toBe(true);
      });

      it('streams from any byte', async () => {
        const key = newKey();
        await objects.put(key, Buffer.from('0123456789'));

        const from = async (start: number) =>
          (await buffer((await objects.stream(key, { start }))!)).toString();

        expect(await from(4)).toBe('456789');
        expect(await from(9)).toBe('9');
        expect(await from(10)).toBe('');
        expect(await from(99)).toBe('');
      });

      it.each([
        ['small', 1000],
        ['large', LARGE_BYTES],
      ])('shows nothing of a %s body with another digest', async (_, sizeBytes) => {
        const key = newKey();
        const bytes = large.subarray(0, sizeBytes);

        for (const known of [{ sizeBytes }, {}]) {
          const writing = objects.putStream(key, aBody(bytes), { ...known, sha256: sha256('other') });
          await expect(writing).rejects.toMatchObject({ type: 'DigestMismatch' });
        }

        expect(await objects.head(key)).toBeUndefined();
      });

      it.each([
        ['short', 1000, 1],
        ['long', 1000, -1],
        ['short', LARGE_BYTES, 1],
        ['long', LARGE_BYTES, -1],
      ])(
        'refuses a body that is too %s (%i bytes) instead of waiting for the rest',
        async (_, sizeBytes, more) => {
          const key = newKey();
          const bytes = large.subarray(0, sizeBytes);
          const announced = sizeBytes + more;
          // The digest is right for what the server gets of a body that is too long.
          const known = sha256(bytes.subarray(0, announced));

          for (const digest of [{ sha256: known }, {}]) {
            const writing = objects.putStream(key, aBody(bytes), { sizeBytes: announced, ...digest });
            await expect(writing).rejects.toMatchObject({ type: 'DigestMismatch' });
          }

          expect(await objects.head(key)).toBeUndefined();
        },
      );

      it.each([{}, { sizeBytes: LARGE_BYTES, sha256: 'a'.repeat(64) }])(
        'passes on why a body broke and shows nothing of it (%o)',
        async (known) => {
          const key = newKey();
          const body = aBrokenBody(large.subarray(0, 12_000_000), new Error('the engine went away'));

          await expect(objects.putStream(key, body, known)).rejects.toThrow('the engine went away');

          expect(await objects.head(key)).toBeUndefined();
        },
      );
    });

    describe('copy', () => {
      it('takes metadata and content type along', async () => {
        const [from, to] = [newKey(), newKey()];
        await objects.put(from, Buffer.from('x'), { contentType: 'a/b', metadata: { m: '1' } });

        await objects.copy(from, to);

        expect(await objects.head(to)).toMatchObject({
          contentType: 'a/b',
          metadata: { m: '1' },
          sizeBytes: 1,
        });
      });

      it('replaces metadata and content type when they are given', async () => {
        const [from, to] = [newKey(), newKey()];
        await objects.put(from, Buffer.from('x'), { contentType: 'a/b', metadata: { m: '1' } });

        await objects.copy(from, to, { contentType: 'c/d', metadata: { n: '2' } });

        const info = await objects.head(to);
        expect(info).toMatchObject({ contentType: 'c/d', sha256: sha256('x') });
        expect(info?.metadata).toEqual({ n: '2' });
      });

      it('fails where there is nothing to copy', async () => {
        await expect(objects.copy(newKey(), newKey())).rejects.toMatchObject({ type: 'StoreUnavailable' });
      });
    });

    describe('list and delete', () => {
      it('lists in the order of the keys’ bytes, over pages, after a key', async () => {
        const prefix = `${newKey()}/`;
        const names = ['A', 'a-b', 'a.b', 'a/b', 'a/c', 'a0', 'é', '日'];
        for (const name of names.toReversed()) await objects.put(prefix + name, Buffer.from('x'));

        expect(await keysOf(objects.list(prefix))).toEqual(names.map((name) => prefix + name));
        expect(await keysOf(objects.list(`${prefix}a/`))).toEqual([`${prefix}a/b`, `${prefix}a/c`]);
        const later = await keysOf(objects.list(prefix, { startAfter: `${prefix}a.b` }));
        expect(later).toEqual(names.slice(3).map((name) => prefix + name));
      });

      it('lists and deletes over many pages, twice without harm', async () => {
        const prefix = `${newKey()}/`;
        const keys = Array.from({ length: 25 }, (_, n) => prefix + String(n).padStart(5, '0'));
        await Promise.all(keys.map((key) => objects.put(key, Buffer.from('x'))));

        expect(await keysOf(objects.list(prefix))).toEqual(keys);
        expect(await keysOf(objects.list(prefix, { startAfter: keys[3]! }))).toEqual(keys.slice(4));
        await objects.delete(keys);
        await objects.delete(keys.slice(0, 3));
        await objects.delete([]);
        expect(await keysOf(objects.list(prefix))).toEqual([]);
      });
    });

    describe('signals', () => {
      const reason = new Error('nobody wants it any more');

      it('refuses to begin with an aborted signal', async () => {
        const signal = AbortSignal.abort(reason);

        await expect(objects.head(newKey(), signal)).rejects.toBe(reason);
        await expect(objects.put(newKey(), Buffer.from('x'), { signal })).rejects.toBe(reason);
        await expect(objects.stream(newKey(), { signal })).rejects.toBe(reason);
        await expect(keysOf(objects.list('x', { signal }))).rejects.toBe(reason);
      });

      it.each([
        ['at its beginning', 1000, {}],
        ['in its parts', 12_000_000, {}],
        ['in its only request', 12_000_000, { sizeBytes: LARGE_BYTES, sha256: 'a'.repeat(64) }],
      ])('stops waiting for a body that stalls %s', async (_, bytes, known) => {
        const key = newKey();
        const stop = new AbortController();
        const body = aStalledBody(randomBytes(bytes));
        const writing = objects.putStream(key, body, { ...known, signal: stop.signal });
        setTimeout(() => stop.abort(reason), 200);

        await expect(writing).rejects.toBe(reason);
        expect(await objects.head(key)).toBeUndefined();
      });
    });
  });
}

async function keysOf(listing: AsyncIterable<ObjectInfo>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of listing) keys.push(key);
  return keys;
}
