import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { mapConcurrently } from '../../model/concurrently.ts';
import type { Digest, Level } from '../../model/pure/ids.ts';
import { pushId } from '../../model/pure/ids.ts';
import type {
  BaseRecord,
  IndexEntry,
  MountRecord,
  PushDocument,
  PushRecord,
  RouteRecord,
  RunRecord,
  TarballRecord,
  TaskRecord,
} from '../../model/schema/records.ts';
import { createStore } from '../../store/create-store.ts';
import { pushKey } from '../../store/keys.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { LogChunk, SentLayer, Store } from '../../store/store.ts';
import { aBody, digestOf, randomBytes, sha256 } from './bytes.ts';

const MIB = 1024 ** 2;
const MINUTE_MS = 60_000;
const DIGEST = digestOf('a manifest');

/** What the store promises over any object store. Every test has names of its own, so nothing needs cleaning. */
export function describeStore(name: string, open: () => ObjectStore): void {
  jest.setTimeout(60_000);

  let objects: ObjectStore;
  let store: Store;
  /** A project and trust domain of the test's own. */
  let project: string;
  let revision: string;
  let taskId: string;
  beforeEach(() => {
    objects = open();
    store = createStore(objects);
    project = `p${randomUUID()}`;
    revision = sha256(project).slice(0, 40);
    taskId = `task/${project}/1/${revision}/lint/js`;
  });

  describe(`${name}: blobs`, () => {
    it('are written once and read back whole or from a byte', async () => {
      const bytes = randomBytes(MIB);
      const digest = digestOf(bytes);

      expect(await store.blobs.stat(digest)).toBeUndefined();
      expect(await store.blobs.write(digest, bytes.length, aBody(bytes))).toBe('written');
      expect(await store.blobs.write(digest, bytes.length, bytes)).toBe('present');

      expect(await store.blobs.stat(digest)).toEqual({ digest, sizeBytes: bytes.length });
      expect(sha256(await buffer(await store.blobs.read(digest)))).toBe(sha256(bytes));
      expect(sha256(await buffer(await store.blobs.read(digest, { start: 1000 })))).toBe(
        sha256(bytes.subarray(1000)),
      );
      expect(await objects.head(`blobs/sha256/${sha256(bytes)}`)).toBeDefined();
    });

    it('answer "present" without touching the body', async () => {
      const bytes = randomBytes(1000);
      await store.blobs.write(digestOf(bytes), bytes.length, bytes);
      const body = aBody(bytes);

      expect(await store.blobs.write(digestOf(bytes), bytes.length, body)).toBe('present');

      expect(body.destroyed).toBe(false);
      expect(sha256(await buffer(body))).toBe(sha256(bytes));
    });

    it.each([
      [10, 100_000],
      [4, 20 * MIB],
    ])(
      'can be written by %i at once, who learn whether their own bytes were looked at',
      async (writers, sizeBytes) => {
        const bytes = randomBytes(sizeBytes);
        const bodies = Array.from({ length: writers }, () => aBody(bytes));

        const outcomes = await Promise.all(
          bodies.map((body) => store.blobs.write(digestOf(bytes), bytes.length, body)),
        );

        expect(outcomes.filter((outcome) => outcome === 'written')).toHaveLength(1);
        for (const [at, body] of bodies.entries()) {
          if (outcomes[at] === 'present') expect(sha256(await buffer(body))).toBe(sha256(bytes));
          else expect(body.readableEnded || body.destroyed).toBe(true);
        }
        expect(await store.blobs.examine(digestOf(bytes))).toBe('whole');
      },
    );

    it('are present to whoever has written the same bytes of memory a moment later', async () => {
      const bytes = randomBytes(100_000);

      const outcomes = await Promise.all(
        Array.from({ length: 10 }, () => store.blobs.write(digestOf(bytes), bytes.length, bytes)),
      );

      expect(outcomes.toSorted()).toEqual([...Array<string>(9).fill('present'), 'written']);
    });

    it.each([1000, 20 * MIB])(
      'refuse %i bytes of another digest or size and keep nothing',
      async (sizeBytes) => {
        const bytes = randomBytes(sizeBytes);
        const wrong = digestOf(randomBytes(10));

        await expect(store.blobs.write(wrong, sizeBytes, aBody(bytes))).rejects.toMatchObject({
          type: 'DigestMismatch',
        });
        await expect(store.blobs.write(wrong, sizeBytes, bytes)).rejects.toMatchObject({
          type: 'DigestMismatch',
        });
        const short = store.blobs.write(digestOf(bytes), sizeBytes + 1, aBody(bytes));
        await expect(short).rejects.toMatchObject({ type: 'DigestMismatch' });
        const unexpected = store.blobs.writeUnknown(aBody(bytes), { expected: () => wrong });
        await expect(unexpected).rejects.toMatchObject({ type: 'DigestMismatch', expected: wrong });

        expect(await store.blobs.stat(wrong)).toBeUndefined();
        expect(await store.blobs.stat(digestOf(bytes))).toBeUndefined();
        expect(await keysUnder(objects, 'uploads/')).toEqual([]);
      },
    );

    it.each([0, 1000, 8 * MIB, 20 * MIB])(
      'take %i bytes whose digest is known only at their end',
      async (sizeBytes) => {
        const bytes = randomBytes(sizeBytes);
        const digest = digestOf(bytes);
        await objects.delete([`blobs/sha256/${sha256(bytes)}`]);

        const first = await store.blobs.writeUnknown(aBody(bytes), { expected: async () => digest });
        const second = await store.blobs.writeUnknown(aBody(bytes));

        expect(first).toEqual({ digest, sizeBytes, outcome: 'written' });
        expect(second).toEqual({ digest, sizeBytes, outcome: 'present' });
        expect(sha256(await buffer(await store.blobs.read(digest)))).toBe(sha256(bytes));
        expect(await objects.head(`blobs/sha256/${sha256(bytes)}`)).toMatchObject({ sha256: sha256(bytes) });
        expect(await keysUnder(objects, 'uploads/')).toEqual([]);
      },
    );

    it('fail with BlobNotFound where there is none', async () => {
      await expect(store.blobs.read(digestOf(randomUUID()))).rejects.toMatchObject({ type: 'BlobNotFound' });
    });

    it('are removed by an examination that finds other bytes, and then can be written again', async () => {
      const bytes = randomBytes(MIB);
      const digest = digestOf(bytes);
      expect(await store.blobs.examine(digest)).toBe('missing');
      await store.blobs.write(digest, bytes.length, bytes);
      expect(await store.blobs.examine(digest)).toBe('whole');
      bytes[1000]! ^= 1;
      await objects.put(`blobs/sha256/${digest.slice('sha256:'.length)}`, bytes);

      expect(await store.blobs.examine(digest)).toBe('removed');

      bytes[1000]! ^= 1;
      expect(await store.blobs.write(digest, bytes.length, bytes)).toBe('written');
      expect(await store.blobs.examine(digest)).toBe('whole');
    });

    it.each([1000, 20 * MIB])('of %i bytes that were cut short are written over', async (sizeBytes) => {
      const bytes = randomBytes(sizeBytes);
      const digest = digestOf(bytes);
      const key = `blobs/sha256/${digest.slice('sha256:'.length)}`;
      await objects.put(key, bytes.subarray(0, 100));
      expect(await store.blobs.write(digest, sizeBytes, aBody(bytes))).toBe('written');
      expect(await store.blobs.examine(digest)).toBe('whole');
      await objects.put(key, bytes.subarray(0, 100));

      expect(await store.blobs.writeUnknown(aBody(bytes))).toMatchObject({ digest, outcome: 'written' });

      expect(await store.blobs.examine(digest)).toBe('whole');
    });

    it('that are damaged are emptied, but not when somebody writes them anew while they are read', async () => {
      const good = randomBytes(1000);
      const digest = digestOf(good);
      const key = `blobs/sha256/${digest.slice('sha256:'.length)}`;
      await objects.put(key, randomBytes(1000));
      const mendedMeanwhile: ObjectStore = {
        ...objects,
        async stream(...args) {
          const body = await objects.stream(...args);
          const bytes = Buffer.concat(await (body ?? Readable.from([])).toArray());
          await objects.put(key, good);
          return Readable.from([bytes], { objectMode: false });
        },
      };

      expect(await createStore(mendedMeanwhile).blobs.examine(digest)).toBe('whole');
      expect(await store.blobs.examine(digest)).toBe('whole');

      await objects.put(key, randomBytes(1000));
      expect(await store.blobs.examine(digest)).toBe('removed');
      expect(await store.blobs.stat(digest)).toMatchObject({ sizeBytes: 0 });
    });

    it('hold their end back when the stored bytes have another digest', async () => {
      const bytes = randomBytes(MIB);
      const named = digestOf(randomUUID());
      await objects.put(`blobs/sha256/${named.slice('sha256:'.length)}`, bytes);

      const body = await store.blobs.read(named);
      let gotBytes = 0;
      body.on('data', (chunk: Buffer) => (gotBytes += chunk.length));
      const failure = await new Promise((resolve) => body.once('error', resolve));

      expect(failure).toMatchObject({ type: 'DigestMismatch', expected: named, got: digestOf(bytes) });
      expect(gotBytes).toBeLessThan(bytes.length);
    });
  });

  describe(`${name}: what uploads leave behind`, () => {
    it('is swept when it is old, and nothing else', async () => {
      const left = `uploads/${randomUUID()}`;
      await objects.put(left, randomBytes(10));
      const bytes = randomBytes(10);
      await store.blobs.write(digestOf(bytes), bytes.length, bytes);

      await store.sweep({ olderThan: new Date(Date.now() - 3_600_000) });
      expect(await objects.head(left)).toBeDefined();

      const swept = await store.sweep({ olderThan: new Date(Date.now() + 3_600_000) });
      expect(swept.objects).toBeGreaterThanOrEqual(1);
      expect(await objects.head(left)).toBeUndefined();
      expect(await store.blobs.stat(digestOf(bytes))).toBeDefined();
    });
  });

  describe(`${name}: image index`, () => {
    it('finds at the highest level first, and never below one’s own', async () => {
      const key = { domain: project, name: 'lint', imageHash: 'a'.repeat(64) };
      await store.index.write(key, 1, anEntry({ taskId: 'made at 1' }));
      expect(await store.index.find(key, 1)).toMatchObject({ level: 1, entry: { taskId: 'made at 1' } });
      expect(await store.index.find(key, 3)).toBeUndefined();

      await store.index.write(key, 3, anEntry({ taskId: 'made at 3' }));

      expect(await store.index.find(key, 1)).toMatchObject({ level: 3, entry: { taskId: 'made at 3' } });
      expect(await store.index.find(key, 3)).toMatchObject({ level: 3 });
      expect(await store.index.find({ ...key, domain: `${project}x` }, 1)).toBeUndefined();
    });

    it('lets a fork read its project’s images and nobody read a fork’s', async () => {
      const own = { domain: `${project}~pr7`, name: 'lint', imageHash: 'a'.repeat(64) };
      const theirs = { domain: project, name: 'lint', imageHash: 'b'.repeat(64) };
      await store.index.write(own, 1, anEntry());
      await store.index.write(theirs, 3, anEntry());

      expect(await store.index.find({ ...theirs, domain: own.domain }, 1)).toMatchObject({ level: 3 });
      expect(await store.index.find(own, 1)).toMatchObject({ level: 1 });
      expect(await store.index.find({ ...own, domain: project }, 1)).toBeUndefined();
      expect(await store.index.find({ ...own, domain: `${project}~pr8` }, 1)).toBeUndefined();
    });

    it('lists newest first what a level may read', async () => {
      const key = (imageName: string, n: number) => ({
        domain: project,
        name: imageName,
        imageHash: String(n).repeat(64),
      });
      await store.index.write(key('lint', 1), 1, anEntry({ created: '2026-01-02T00:00:00Z' }));
      await store.index.write(key('lint', 2), 3, anEntry({ created: '2026-01-03T00:00:00Z' }));
      await store.index.write(key('base', 3), 3, anEntry({ created: '2026-01-01T00:00:00Z' }));
      await store.index.write(key('linter', 4), 3, anEntry({ created: '2026-01-04T00:00:00Z' }));
      const list = async (level: Level, imageName?: string) =>
        (await all(store.index.list(project, level, imageName))).map((image) => [
          image.key.imageHash[0],
          image.level,
        ]);

      expect(await list(1)).toEqual([
        ['4', 3],
        ['2', 3],
        ['1', 1],
        ['3', 3],
      ]);
      expect(await list(3)).toEqual([
        ['4', 3],
        ['2', 3],
        ['3', 3],
      ]);
      expect(await list(1, 'lint')).toEqual([
        ['2', 3],
        ['1', 1],
      ]);
    });

    it('reads few entries of many where few are taken, and gives all in order though clocks differ', async () => {
      const { index, reads, count, hashOf } = await manyEntries();

      const three: string[] = [];
      for await (const { key } of index.list(project, 1, 'lint')) if (three.push(key.imageHash) === 3) break;
      const few = reads.length;
      const listed = (await all(index.list(project, 1, 'lint'))).map(({ key }) => key.imageHash);

      expect(three).toEqual([0, 1, 2].map(hashOf));
      expect(few).toBeLessThanOrEqual(12);
      expect(listed).toEqual(Array.from({ length: count }, (_, n) => hashOf(n)));
      expect(reads).toHaveLength(few + count);
    });

    it('gives the newest of each name, of which few are read too', async () => {
      const { index, reads, hashOf } = await manyEntries();
      const other = { domain: project, name: 'other', imageHash: 'f'.repeat(64) };
      await index.write(other, 3, anEntry());
      await index.write({ ...other, name: 'retired' }, 3, anEntry({ retired: '2026-01-02T00:00:00Z' }));

      const newest = await index.newestOfEachName(project, 1);

      expect(newest.map(({ key }) => [key.name, key.imageHash]).sort()).toEqual([
        ['lint', hashOf(0)],
        ['other', other.imageHash],
      ]);
      expect(reads.length).toBeLessThanOrEqual(8);
    });

    it('takes the entry of one level away and leaves the others', async () => {
      const { index } = store;
      const key = { domain: project, name: 'gone', imageHash: 'a'.repeat(64) };
      await index.write(key, 3, anEntry());
      await index.write(key, 1, anEntry());

      await index.remove(key, 3);
      await index.remove(key, 3);

      expect((await index.find(key, 1))?.level).toBe(1);
      await index.remove(key, 1);
      expect(await index.find(key, 1)).toBeUndefined();
    });

    it('takes a damaged entry for none, and a lower level’s sound one instead', async () => {
      const key = { domain: project, name: 'lint', imageHash: 'abc' };
      await objects.put(`level-3/index/${project}/images/lint/abc`, Buffer.from('{"version":1}'));
      expect(await store.index.find(key, 1)).toBeUndefined();
      expect(await all(store.index.list(project, 1))).toEqual([]);

      await store.index.write(key, 1, anEntry({ taskId: 'made at 1' }));
      expect(await store.index.find(key, 1)).toMatchObject({ level: 1, entry: { taskId: 'made at 1' } });
    });

    it('passes over what the reader does not accept', async () => {
      const key = { domain: project, name: 'lint', imageHash: 'abc' };
      await store.index.write(key, 3, anEntry({ taskId: 'made at 3' }));
      await store.index.write(key, 1, anEntry({ taskId: 'made at 1' }));

      const found = await store.index.find(key, 1, async ({ taskId }) => taskId !== 'made at 3');

      expect(found).toMatchObject({ level: 1, entry: { taskId: 'made at 1' } });
    });

    it('replaces the record of a base only when it is damaged or the one that shall go', async () => {
      const first = aBase({ reference: 'registry.example/debian:12', manifestDigest: digestOf('first') });
      const second = { ...first, manifestDigest: digestOf('second') };
      const third = { ...first, manifestDigest: digestOf('third') };
      await store.index.recordBase(project, 1, first);

      expect(await store.index.recordBase(project, 1, third, { replaces: second.manifestDigest })).toEqual(
        first,
      );
      expect(await store.index.recordBase(project, 1, second, { replaces: first.manifestDigest })).toEqual(
        second,
      );
      const [key = ''] = await keysUnder(objects, `level-1/index/${project}/bases/`);
      await objects.put(key, Buffer.from('{'));
      expect(await store.index.findBase(project, first.platform, first.reference, 1)).toBeUndefined();
      expect(await store.index.recordBase(project, 1, third)).toEqual(third);
    });

    it('leaves the record of a base that a newer version wrote', async () => {
      const base = aBase({ reference: 'registry.example/debian:12' });
      await store.index.recordBase(project, 1, base);
      const [key = ''] = await keysUnder(objects, `level-1/index/${project}/bases/`);
      const newer = Buffer.from(JSON.stringify({ ...base, version: 2 }));
      await objects.put(key, newer);

      expect(await store.index.findBase(project, base.platform, base.reference, 1)).toBeUndefined();
      await expect(store.index.recordBase(project, 1, base)).rejects.toMatchObject({ type: 'VersionTooOld' });

      expect((await objects.get(key))?.body).toEqual(newer);
    });

    it('keeps the first resolution of a base', async () => {
      const first = aBase({ reference: 'registry.example/debian:12', source: 'pulled' });
      const second = { ...first, source: 'again' };

      expect(await store.index.recordBase(project, 1, first)).toEqual(first);
      expect(await store.index.recordBase(project, 1, second)).toEqual(first);

      expect(await store.index.findBase(project, 'linux/amd64', first.reference, 1)).toEqual(first);
      expect(await store.index.findBase(project, 'linux/arm64', first.reference, 1)).toBeUndefined();
      expect(await store.index.findBase(project, 'linux/amd64', first.reference, 3)).toBeUndefined();
    });

    it('renews the record of a base for all, or for those that track it, and never by an older one', async () => {
      const at = (second: number, name: string): BaseRecord => ({
        ...aBase({ reference: 'registry.example/debian:12', manifestDigest: digestOf(name) }),
        resolved: `2026-01-02T03:04:0${second}.000Z`,
      });
      const find = (): Promise<BaseRecord | undefined> =>
        store.index.findBase(project, 'linux/amd64', 'registry.example/debian:12', 1);
      const findTracked = (
        accepts?: (record: BaseRecord) => Promise<boolean>,
      ): Promise<BaseRecord | undefined> =>
        store.index.findTrackedBase(project, 'linux/amd64', 'registry.example/debian:12', 1, accepts);
      await store.index.recordBase(project, 1, at(1, 'first'));
      expect(await findTracked()).toEqual(at(1, 'first'));

      await store.index.renewBase(project, 1, at(3, 'tracked'), { tracked: true });
      expect(await find()).toEqual(at(1, 'first'));
      expect(await findTracked()).toEqual(at(3, 'tracked'));
      expect(await findTracked(async ({ manifestDigest }) => manifestDigest === digestOf('first'))).toEqual(
        at(1, 'first'),
      );

      await store.index.renewBase(project, 3, at(4, 'renewed'));
      expect(await find()).toEqual(at(4, 'renewed'));
      expect(await findTracked()).toEqual(at(4, 'renewed'));
      expect(await store.index.renewBase(project, 3, at(2, 'late'))).toEqual(at(4, 'renewed'));
    });

    it('says which keys it looks at for an image, the highest level first', () => {
      const key = { domain: 'demo~pr1', name: 'lint', imageHash: 'h' };

      expect(store.index.keysOf(key, 2)).toEqual([
        'level-3/index/demo/images/lint/h',
        'level-3/index/demo~pr1/images/lint/h',
        'level-2/index/demo/images/lint/h',
        'level-2/index/demo~pr1/images/lint/h',
      ]);
    });

    it('gives one resolution to all who record a base at once', async () => {
      const reference = 'debian:12';
      const records = Array.from({ length: 5 }, (_, n) => aBase({ reference, source: `writer ${n}` }));

      const given = await Promise.all(records.map((record) => store.index.recordBase(project, 3, record)));

      expect(new Set(given.map((record) => record.source)).size).toBe(1);
    });

    it('lets every domain find the bases of the stack, its own before them', async () => {
      const reference = `debian:${randomUUID()}`;
      const shared = aBase({ reference, source: 'debootstrap' });
      await store.index.recordBase('_stack', 3, shared);
      expect(await store.index.findBase(project, 'linux/amd64', reference, 3)).toEqual(shared);

      const own = aBase({ reference, source: 'pulled' });
      await store.index.recordBase(project, 1, own);

      expect(await store.index.findBase(project, 'linux/amd64', reference, 1)).toEqual(own);
      expect(await store.index.findBase(project, 'linux/amd64', reference, 3)).toEqual(shared);
      expect(
        await keysUnder(objects, `level-3/index/_shared/bases/linux%2Famd64/debian%3A${reference.slice(7)}`),
      ).toHaveLength(1);
    });

    it('keeps references of any length apart', async () => {
      const long = `registry.example/${'very/'.repeat(60)}long`;
      const [one, other] = [
        aBase({ reference: `${long}:1`, source: '1' }),
        aBase({ reference: `${long}:2`, source: '2' }),
      ];
      await store.index.recordBase(project, 1, one);
      await store.index.recordBase(project, 1, other);

      expect(await store.index.findBase(project, 'linux/amd64', one.reference, 1)).toEqual(one);
      expect(await store.index.findBase(project, 'linux/amd64', other.reference, 1)).toEqual(other);
    });

    it('gathers the blobs of a layer over the levels that may be read, lost by no race', async () => {
      const diffId = digestOf('layer');
      await store.index.recordLayer(project, 3, diffId, 'sha256:three');
      await Promise.all(
        ['a', 'b', 'c', 'a'].map((one) => store.index.recordLayer(project, 1, diffId, `sha256:${one}`)),
      );

      const found = await store.index.findLayers(project, 1, diffId);

      expect(found[0]).toBe('sha256:three');
      expect([...found].sort()).toEqual(['sha256:a', 'sha256:b', 'sha256:c', 'sha256:three']);
      expect(await store.index.findLayers(project, 3, diffId)).toEqual(['sha256:three']);
    });
  });

  describe(`${name}: routes and tarballs`, () => {
    it('are read from the levels and domains that may be read; of two pushes the later one keeps a route', async () => {
      const route = (level: number, plannedAt: string): RouteRecord => ({
        version: 1,
        namespace: 'a.b',
        taskId: `task/${project}/${level}/${'0'.repeat(40)}/make`,
        run: 0,
        artifacts: [{ name: 'public/image.tar', sha256: 'ab' }],
        plannedAt,
      });
      const later = route(1, '2026-01-02T00:00:00Z');
      expect(await store.routes.find(project, 1, 'a.b')).toBeUndefined();
      await store.routes.record(project, 1, later);
      await store.routes.record(project, 1, route(1, '2026-01-01T00:00:00Z'));
      expect(await store.routes.find(project, 1, 'a.b')).toEqual(later);
      expect(await store.routes.find(`${project}~pr1`, 1, 'a.b')).toEqual(later);
      expect(await store.routes.find(project, 3, 'a.b')).toBeUndefined();
      await store.routes.record(project, 3, route(3, '2026-01-01T00:00:00Z'));
      expect(await store.routes.find(project, 1, 'a.b')).toEqual(route(3, '2026-01-01T00:00:00Z'));
      expect(await store.routes.find(project, 1, 'a.b', { ownFirst: true })).toEqual(later);
      expect(await store.routes.find('other', 1, 'a.b')).toBeUndefined();

      const { version, manifestDigest, configDigest, diffIds, sizeBytes } = aBase({
        reference: 'x',
        source: 'x',
      });
      const tarball = {
        sha256: 'ab',
        version,
        manifestDigest,
        configDigest,
        diffIds,
        sizeBytes,
        imported: 'now',
      };
      const named = { ...tarball, name: 'lint:1' };
      await store.tarballs.record(project, 1, tarball);
      await store.tarballs.record(project, 1, named);
      expect(await store.tarballs.find(project, 1, { sha256: 'ab' })).toEqual(tarball);
      expect(await store.tarballs.find(project, 1, { sha256: 'ab', name: 'lint:1' })).toEqual(named);
      expect(await store.tarballs.find(project, 1, { sha256: 'ab', name: 'lint:2' })).toBeUndefined();
      expect(await store.tarballs.find(project, 3, { sha256: 'ab' })).toBeUndefined();
      const none = await store.tarballs.find(project, 1, { sha256: 'ab' }, () => Promise.resolve(false));
      expect(none).toBeUndefined();
    });

    it('are found on the platform that they were chosen for, and those that were chosen for none on every one', async () => {
      const { version, manifestDigest, configDigest, diffIds, sizeBytes } = aBase({
        reference: 'x',
        source: 'x',
      });
      const image = { version, manifestDigest, configDigest, diffIds, sizeBytes, imported: 'now' };
      const ofArm = { ...image, sha256: 'ef', name: 'lint:latest', platform: 'linux/arm64' };
      const ofAll = { ...image, sha256: '01', name: 'lint:latest' };
      const find = (sha256: string, platform?: string): Promise<TarballRecord | undefined> =>
        store.tarballs.find(project, 1, { sha256, name: 'lint', platform });
      for (const record of [ofArm, ofAll]) await store.tarballs.record(project, 1, record);

      expect(await find('ef', 'linux/arm64')).toEqual(ofArm);
      for (const platform of ['linux/amd64', undefined]) expect(await find('ef', platform)).toBeUndefined();
      for (const platform of ['linux/arm64', undefined]) expect(await find('01', platform)).toEqual(ofAll);
    });

    it('are found by their names however those are written, the only image of one by all that it has', async () => {
      const { version, manifestDigest, configDigest, diffIds, sizeBytes } = aBase({
        reference: 'x',
        source: 'x',
      });
      const image = { version, manifestDigest, configDigest, diffIds, sizeBytes, imported: 'now' };
      const find = (sha256: string, name: string): Promise<TarballRecord | undefined> =>
        store.tarballs.find(project, 1, { sha256, name });
      const several = ['lint:latest', `${'x'.repeat(180)}:1`].map((name) => ({
        ...image,
        sha256: 'ab',
        name,
      }));
      const only = { ...image, sha256: 'cd', names: ['lint:latest', 'lint:1'] };
      for (const record of [...several, only]) await store.tarballs.record(project, 3, record);

      for (const name of ['lint', 'lint:latest', 'localhost/lint', 'docker.io/library/lint:latest'])
        expect([await find('ab', name), await find('cd', name)]).toEqual([several[0], only]);
      expect(await find('cd', 'lint:1')).toEqual(only);
      // What is cut to the same key is another image all the same.
      for (const name of ['lint:1', 'other/lint', `${'x'.repeat(180)}:1`, `${'x'.repeat(180)}:2`])
        expect([name, (await find('ab', name))?.name]).toEqual([
          name,
          several.find((one) => one.name === name)?.name,
        ]);
      expect(await find('cd', 'lint:2')).toBeUndefined();
    });
  });

  describe(`${name}: cache mounts`, () => {
    it('are known by all that makes one, and read from the levels and domains that may be read', async () => {
      const platform = 'linux/amd64';
      const { version, manifestDigest, configDigest, diffIds, sizeBytes } = aBase({
        reference: 'x',
        source: 'x',
      });
      const image = { version, manifestDigest, configDigest, diffIds, sizeBytes };
      const kept = (content: string): MountRecord => ({
        ...image,
        ...{ id: '/c', platform, created: '2026-01-01T00:00:00Z', content, contentBytes: 1 },
      });
      const mount = { id: '/c', platform };
      await store.mounts.record(project, 1, mount, kept('one'));
      await store.mounts.record(project, 1, { id: '/c', uid: '7' }, kept('owned'));
      expect(await store.mounts.find(project, 1, mount)).toEqual(kept('one'));
      expect(await store.mounts.find(`${project}~pr1`, 1, mount)).toEqual(kept('one'));
      expect(await store.mounts.find(project, 1, { ...mount, uid: '7' })).toEqual(kept('owned'));
      for (const other of [{ id: '/c~~7' }, { gid: '7' }, { namespace: 'n' }, { platform: 'linux/arm64' }])
        expect(await store.mounts.find(project, 1, { ...mount, ...other })).toBeUndefined();
      expect(await store.mounts.find(project, 3, mount)).toBeUndefined();
      expect(await store.mounts.find('other', 1, mount)).toBeUndefined();

      await store.mounts.record(project, 3, mount, kept('three'));
      expect(await store.mounts.find(project, 1, mount)).toEqual(kept('three'));
      const own = await store.mounts.find(project, 1, mount, async ({ content }) => content === 'one');
      expect(own).toEqual(kept('one'));
    });
  });

  describe(`${name}: what was sent`, () => {
    it('is known to exactly the domain and level that has sent it, and goes with the hints of layers', async () => {
      const digest = digestOf(project);
      await store.sent.record(project, 1, digest, 7);
      await store.sent.record(project, 1, digest, 7);

      expect(await store.sent.sizeOf(project, 1, digest)).toBe(7);
      expect(await store.sent.sizeOf(project, 1, digestOf('another'))).toBeUndefined();
      // Who may read it has not had its bytes for that.
      expect(await store.sent.sizeOf(project, 3, digest)).toBeUndefined();
      expect(await store.sent.sizeOf(`${project}~pr1`, 1, digest)).toBeUndefined();
      expect(await store.sent.sizeOf(`${project}x`, 1, digest)).toBeUndefined();
      const keys: string[] = [];
      for await (const { key } of objects.list(`level-1/layers/${project}/`)) keys.push(key);
      expect(keys).toEqual([`level-1/layers/${project}/sent/${digest.slice('sha256:'.length)}`]);
    });

    it('of a tarball is listed by its hash; a damaged note counts as none', async () => {
      const layer = (text: string): SentLayer => ({
        ...{ diffId: digestOf(text), digest: digestOf(`${text} gz`), sizeBytes: 1, unpackedBytes: 2 },
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      });
      const [one, two] = [layer('one'), layer('two')];
      for (const each of [one, two, one]) await store.sent.recordLayer(project, 1, 'ab', each);
      await store.sent.recordLayer(project, 1, 'abc', layer('three'));

      const listed = await store.sent.layersOf(project, 1, 'ab');
      expect(listed.map(({ diffId }) => diffId).sort()).toEqual([one.diffId, two.diffId].sort());
      expect(listed.find(({ diffId }) => diffId === one.diffId)).toMatchObject(one);
      expect(await store.sent.layersOf(project, 3, 'ab')).toEqual([]);

      const place = `level-1/layers/${project}/of-tarballs/ab/`;
      await objects.put(place + encodeURIComponent(two.diffId), Buffer.from('{'));
      expect((await store.sent.layersOf(project, 1, 'ab')).map(({ diffId }) => diffId)).toEqual([one.diffId]);
    });
  });

  describe(`${name}: task records`, () => {
    it('are found as written; a change of one is made of what stands there, lost by no race', async () => {
      const record: TaskRecord = {
        version: 1,
        taskId,
        label: 'lint/js',
        state: 'running',
        created: '2026-01-01T00:00:00Z',
        runs: [],
      };
      expect(await store.tasks.find(taskId)).toBeUndefined();

      await store.tasks.change(taskId, () => record);
      const runs = [0, 1, 2, 3].map((run): RunRecord => ({
        run,
        state: 'completed',
        phases: {},
        artifacts: [],
      }));
      await Promise.all(
        runs.map((run) =>
          store.tasks.change(taskId, (present) => ({
            ...record,
            runs: [...(present?.runs ?? []), run].sort((a, b) => a.run - b.run),
          })),
        ),
      );
      await store.tasks.change(taskId, (present) => present ?? record);
      const refused = store.tasks.change(taskId, () => Promise.reject(new Error('not mine')));

      await expect(refused).rejects.toThrow('not mine');
      expect(await store.tasks.find(taskId)).toEqual({ ...record, runs });
      expect(
        await objects.head(`level-1/tasks/task/${project}/${revision}/lint~js/status.json`),
      ).toMatchObject({ contentType: 'application/json' });
    });

    it('that are damaged count as none of any round, and are written over; runs of which there is anything are counted', async () => {
      const key = `level-1/tasks/task/${project}/${revision}/lint~js/status.json`;
      const record: TaskRecord = {
        ...{ version: 1, taskId, label: 'lint/js', state: 'pending', created: '2026-01-01T00:00:00Z' },
        runs: [{ run: 2, state: 'failed', reason: 'failed', phases: {}, artifacts: [] }],
      };
      const claim = { worker: 'w', engineId: 'e', queue: 'q', claimed: '2026-01-01T00:00:00Z' };
      await objects.put(key, Buffer.from('{"version": 1'));
      expect(await store.tasks.findUsable(taskId)).toBeUndefined();
      await store.tasks.claim(taskId, 10, claim);
      await store.logs.append(taskId, 2, { seq: 0, text: Buffer.from('x'), taskBytes: 1 });

      await expect(store.tasks.find(taskId)).rejects.toThrow('is damaged');
      const found = await store.tasks.findUsable(taskId);
      const refused = store.tasks.change(taskId, () => Promise.reject(new Error('not mine')));
      await expect(refused).rejects.toThrow('not mine');
      await expect(store.tasks.find(taskId)).rejects.toThrow('is damaged');
      await store.tasks.change(taskId, (present) => present ?? record);

      expect(found).toMatchObject({ taskId, label: 'lint/js', state: 'exception' });
      expect(found?.plannedAt).toBeUndefined();
      expect(found?.runs.map(({ run }) => run)).toEqual([2, 10]);
      const mended = await store.tasks.find(taskId);
      expect(mended).toMatchObject({ state: 'pending' });
      expect(mended?.runs.map(({ run, reason }) => [run, reason])).toEqual([
        [2, 'failed'],
        [10, 'internal-error'],
      ]);
    });

    it('give one claim of a run to all who try', async () => {
      const claims = Array.from({ length: 5 }, (_, n) => ({
        worker: `w${n}`,
        engineId: 'e',
        queue: 'q',
        claimed: '2026-01-01T00:00:00Z',
      }));

      const given = await Promise.all(claims.map((claim) => store.tasks.claim(taskId, 0, claim)));

      expect(new Set(given.map((claim) => claim.worker)).size).toBe(1);
      expect(await store.tasks.findClaim(taskId, 0)).toEqual(given[0]);
      expect(await store.tasks.findClaim(taskId, 1)).toBeUndefined();
    });
  });

  describe(`${name}: push records`, () => {
    it('are created once and gather refs, lost by no race', async () => {
      const record = aPush(project, { refs: ['refs/heads/main'] });
      const refs = ['refs/heads/a', 'refs/heads/b', 'refs/heads/c', 'refs/heads/main'];

      await store.pushes.receive(record);
      await Promise.all(
        refs.map((ref) => store.pushes.receive({ ...record, refs: [ref], received: '2030-01-01T00:00:00Z' })),
      );

      const found = await store.pushes.find(record.pushId);
      expect(found).toMatchObject({ received: record.received });
      expect([...(found?.refs ?? [])].sort()).toEqual(refs.sort());
      const listed = await store.pushes.list({ levels: [1], project, limit: 10 });
      expect(listed).toEqual([{ pushId: record.pushId, received: record.received }]);
    });

    it('are listed newest first over days, months and levels', async () => {
      const now = Date.now();
      const ages = [0, 60_000, 3 * 86_400_000, 3 * 86_400_000 + 1, 40 * 86_400_000, 400 * 86_400_000];
      const pushes = ages.map((age, n) =>
        aPush(project, { level: n % 2 === 0 ? 1 : 3, received: new Date(now - age).toISOString(), salt: n }),
      );
      for (const push of [pushes[3]!, pushes[0]!, pushes[5]!, pushes[1]!, pushes[4]!, pushes[2]!])
        await store.pushes.receive(push);
      const list = async (levels: readonly Level[], limit: number) =>
        (await store.pushes.list({ levels, project, limit })).map((push) =>
          pushes.findIndex(({ pushId: id }) => id === push.pushId),
        );

      expect(await list([1, 2, 3], 100)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(await list([1, 2, 3], 3)).toEqual([0, 1, 2]);
      expect(await list([1], 100)).toEqual([0, 2, 4]);
      expect(await list([3], 2)).toEqual([1, 3]);
      expect(await list([2], 2)).toEqual([]);
      expect(await store.pushes.list({ levels: [1, 3], project: `${project}x`, limit: 9 })).toEqual([]);
    });

    it('are listed as far back as it takes to find so many that are wanted', async () => {
      const now = Date.now();
      const pushes = [0, 1, 40, 41, 400].map((days, n) =>
        aPush(project, {
          level: n % 2 === 0 ? 1 : 3,
          received: new Date(now - days * 86_400_000).toISOString(),
          salt: n,
        }),
      );
      for (const push of pushes) await store.pushes.receive(push);
      const list = async (wanted: readonly number[], limit: number) => {
        const accepts = (id: string): boolean => wanted.some((n) => pushes[n]?.pushId === id);
        const found = await store.pushes.list({ levels: [1, 2, 3], accepts, limit });
        return found.map((push) => pushes.findIndex(({ pushId: id }) => id === push.pushId));
      };

      expect(await list([4], 1)).toEqual([4]);
      expect(await list([2, 3, 4], 2)).toEqual([2, 3]);
      expect(await list([0, 3, 4], 9)).toEqual([0, 3, 4]);
      expect(await list([], 1)).toEqual([]);
    });

    it('are listed that were received after a time', async () => {
      const now = Date.now();
      const pushes = [0, 1_000, 2_000, 86_400_000, 40 * 86_400_000].map((age, n) =>
        aPush(project, { received: new Date(now - age).toISOString(), salt: n }),
      );
      for (const push of pushes) await store.pushes.receive(push);
      const list = async (after: string, limit = 9) => {
        const found = await store.pushes.list({ levels: [1], project, after, limit });
        return found.map((push) => pushes.findIndex(({ pushId: id }) => id === push.pushId));
      };

      expect(await list(new Date(now - 2_000).toISOString())).toEqual([0, 1]);
      expect(await list(new Date(now - 2_001).toISOString(), 2)).toEqual([0, 1]);
      expect(await list(new Date(now - 39 * 86_400_000).toISOString())).toEqual([0, 1, 2, 3]);
      expect(await list(new Date(now).toISOString())).toEqual([]);
      expect(await list('2000-01-01T00:00:00Z')).toEqual([0, 1, 2, 3, 4]);
    });

    it('are found by the beginning of their revision and variant', async () => {
      const plain = aPush(project, {});
      const asked = aPush(project, { variant: 'abcdefabcdef' });
      const others = [aPush(project, { level: 3 }), aPush(`${project}x`, {}), aPush(project, { salt: 1 })];
      for (const push of [plain, asked, ...others]) await store.pushes.receive(push);
      const status = { ...aStatus(asked.pushId, 'running' as const), project, revision: asked.revision };
      await store.pushes.writeStatus(status);
      const find = (of: string, variant?: string) =>
        all(store.pushes.startingWith({ project, level: 1, revision: of, variant }));

      expect((await find(plain.revision)).sort()).toEqual([plain.pushId, asked.pushId].sort());
      expect((await find(plain.revision.slice(0, 12))).sort()).toEqual([plain.pushId, asked.pushId].sort());
      expect(await find(plain.revision, 'abc')).toEqual([asked.pushId]);
      expect(await find('')).toHaveLength(3);
      expect(await find(`${plain.revision}0`)).toEqual([]);
    });

    it('are listed with their variant', async () => {
      const push = aPush(project, { variant: 'abcdefabcdef' });
      await store.pushes.receive(push);

      expect(await store.pushes.list({ levels: [1], project, limit: 1 })).toEqual([
        { pushId: push.pushId, received: push.received },
      ]);
    });
  });

  describe(`${name}: artifacts`, () => {
    it.each([1000, 20 * MIB])('of %i bytes carry their record and are replaced whole', async (sizeBytes) => {
      const bytes = randomBytes(sizeBytes);
      const options = { contentType: 'application/x-tar', expires: '2027-01-01T00:00:00Z' };
      await store.artifacts.write(taskId, 0, 'public/image.tar', aBody('an earlier try'), {
        ...options,
        executable: true,
      });

      const record = await store.artifacts.write(taskId, 0, 'public/image.tar', aBody(bytes), options);

      expect(record).toEqual({ name: 'public/image.tar', sizeBytes, sha256: sha256(bytes), ...options });
      expect(await store.artifacts.find(taskId, 0, 'public/image.tar')).toEqual(record);
      expect(await store.artifacts.list(taskId, 0)).toEqual([record]);
      expect(await store.artifacts.find(taskId, 1, 'public/image.tar')).toBeUndefined();
      expect(sha256(await buffer(await store.artifacts.read(taskId, 0, 'public/image.tar')))).toBe(
        sha256(bytes),
      );
      expect(await keysUnder(objects, 'uploads/')).toEqual([]);
    });

    it.each([1000, 20 * MIB])('of %i bytes say that they are executable', async (sizeBytes) => {
      const options = { contentType: 'application/octet-stream', executable: true };

      const record = await store.artifacts.write(
        taskId,
        0,
        'public/run',
        aBody(randomBytes(sizeBytes)),
        options,
      );

      expect(record).toMatchObject(options);
      expect(await store.artifacts.find(taskId, 0, 'public/run')).toEqual(record);
      expect(await store.artifacts.list(taskId, 0)).toEqual([record]);
    });

    it('are told to be saved once: the first list counts', async () => {
      const saved = {
        artifacts: [],
        missing: [{ name: 'a', found: 'absent' }],
        uploadMs: 1,
        bytesUploaded: 0,
      };
      expect(await store.artifacts.findSaved(taskId, 0)).toBeUndefined();

      expect(await store.artifacts.recordSaved(taskId, 0, saved)).toEqual(saved);
      expect(await store.artifacts.recordSaved(taskId, 0, { ...saved, missing: [] })).toEqual(saved);

      expect(await store.artifacts.findSaved(taskId, 0)).toEqual(saved);
      expect(await store.artifacts.list(taskId, 0)).toEqual([]);
    });

    it('may have any name', async () => {
      const names = [
        'public/a b',
        'public/é',
        'a/..',
        'a/%2E%2E',
        'q?x=1',
        'x'.repeat(255),
        `${'é'.repeat(200)}/1`,
        'new\nline',
      ];
      for (const one of names)
        await store.artifacts.write(taskId, 0, one, aBody(one), { contentType: 'text/plain' });

      const listed = (await store.artifacts.list(taskId, 0)).map((record) => record.name);

      expect([...listed].sort()).toEqual([...names].sort());
      for (const one of names) expect(await text(await store.artifacts.read(taskId, 0, one))).toBe(one);
    });

    it('are read from any byte on, also from behind the last one', async () => {
      await store.artifacts.write(taskId, 0, 'a', aBody('0123456789'), { contentType: 'text/plain' });
      const rest = async (start: number): Promise<string> =>
        text(await store.artifacts.read(taskId, 0, 'a', undefined, start));

      expect([await rest(0), await rest(7), await rest(10), await rest(11)]).toEqual([
        '0123456789',
        '789',
        '',
        '',
      ]);
    });

    it('fail with NotFound where there is none', async () => {
      await expect(store.artifacts.read(taskId, 0, 'none')).rejects.toMatchObject({ type: 'NotFound' });
    });
  });

  it(`${name}: knows which engines of a level have loaded an image, the last first`, async () => {
    const image = digestOf(project) as Digest;
    await store.holders.note(1, image, 'ABCD:EFGH');
    await store.holders.note(3, image, 'of another level');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await store.holders.note(1, image, '8f2c-71');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await store.holders.note(1, image, 'ABCD:EFGH');

    expect(await store.holders.list(1, image)).toEqual(['ABCD:EFGH', '8f2c-71']);
    expect(await store.holders.list(1, digestOf(`not ${project}`) as Digest)).toEqual([]);
    const later = createStore(objects, undefined, { now: () => new Date(Date.now() + 3_700_000) });
    expect(await later.holders.list(1, image)).toEqual([]);
  });

  describe(`${name}: a record of a push`, () => {
    let id: string;
    let key: string;
    beforeEach(async () => {
      const record = aPush(project, {});
      id = record.pushId;
      key = pushKey(id, 'status');
      await store.pushes.receive(record);
    });
    const putStatus = async (text: string): Promise<Buffer> => {
      const bytes = Buffer.from(text);
      await objects.put(key, bytes);
      return bytes;
    };
    const isTooOld = (why: string): object => ({
      type: 'VersionTooOld',
      retryable: true,
      message: expect.stringMatching(
        new RegExp(`^Slipway on .+ is too old for record .+, which a newer version wrote \\(${why}: .+\\): `),
      ),
    });

    it('that a newer version wrote is told from a damaged one, and is not written over', async () => {
      const finding = { severity: 'hint', file: 'f', line: 1, column: 1, message: 'm' };
      const newer = await putStatus(JSON.stringify({ ...aStatus(id, 'running'), findings: [finding] }));

      const tooOld = isTooOld('findings.0.severity');
      await expect(store.pushes.findStatus(id)).rejects.toMatchObject(tooOld);
      await expect(store.pushes.findStatus(id)).rejects.not.toThrow('--again');
      const writing = store.pushes.writeStatus(aStatus(id, 'completed'));

      await expect(writing).rejects.toMatchObject(tooOld);
      expect((await objects.get(key))?.body).toEqual(newer);
    });

    it('is a newer version’s also where that says so and has other fields', async () => {
      await objects.put(pushKey(id, 'plan'), Buffer.from(JSON.stringify({ version: 2, graph: {} })));

      await expect(store.pushes.findPlan(id)).rejects.toMatchObject(isTooOld('version'));
    });

    it.each([
      ['is cut', (text: string) => text.slice(0, 40)],
      ['lacks what every version writes', (text: string) => text.replace('"state":"running",', '')],
      ['has what no version writes', (text: string) => text.replace('"level":1', '"level":"1"')],
      ['is of something else', () => '{"version":1}'],
      ['is empty', () => ''],
    ])('that %s is damaged, and is written over', async (_how, harm) => {
      await putStatus(harm(JSON.stringify(aStatus(id, 'running'))));

      const reading = store.pushes.findStatus(id);
      await expect(reading).rejects.toThrow(/is damaged: .*; a new round writes it anew: .* --again/);
      await store.pushes.writeStatus(aStatus(id, 'completed'));

      expect(await store.pushes.findStatus(id)).toMatchObject({ state: 'completed' });
    });
  });

  describe(`${name}: open pushes`, () => {
    const openIds = async (): Promise<readonly string[]> =>
      (await all(store.pushes.open(1))).filter((id) => id.includes(project));

    it('are listed from their first record until their verdict, a new round too', async () => {
      const records = [aPush(project, {}), aPush(project, { variant: 'abcdef012345' })] as const;
      const [id, other] = [records[0].pushId, records[1].pushId];
      for (const record of records) await store.pushes.receive(record);
      expect(await openIds()).toEqual([id, other].sort());

      await store.pushes.writeStatus(aStatus(id, 'completed'));
      expect(await openIds()).toEqual([other]);

      await store.pushes.writeStatus(aStatus(id, 'running'));
      expect(await openIds()).toEqual([id, other].sort());
      await store.pushes.close(id);
      await store.pushes.close(id);
      expect(await openIds()).toEqual([other]);
    });

    it('are settled only while their status is the one that was read', async () => {
      const record = aPush(project, {});
      const { pushId: id } = record;
      await store.pushes.receive(record);
      await store.pushes.writeStatus(aStatus(id, 'running'));
      const before = await store.pushes.findStatus(id);
      await store.pushes.writeStatus({ ...aStatus(id, 'running'), ref: 'refs/heads/other' });
      const given = store.pushes.writeStatus(aStatus(id, 'completed'), () => {
        throw new Error('not mine any more');
      });
      await expect(given).rejects.toThrow('not mine any more');

      await expect(store.pushes.settleStatus(aStatus(id, 'exception'), before)).rejects.toMatchObject({
        type: 'WriteConflict',
      });
      expect(await openIds()).toEqual([id]);

      await store.pushes.settleStatus(aStatus(id, 'exception'), await store.pushes.findStatus(id));
      expect(await store.pushes.findStatus(id)).toMatchObject({ state: 'exception' });
      expect(await openIds()).toEqual([]);
    });
  });

  describe(`${name}: logs`, () => {
    const aChunk = (seq: number): LogChunk => ({
      seq,
      text: Buffer.from(`line ${seq}\n`),
      taskBytes: seq * 10,
    });
    const lines = (count: number) => Array.from({ length: count }, (_, n) => `line ${n}\n`).join('');
    const readAll = async () => text(await store.logs.read(taskId, 0));
    const LIVE_LOG = 'public/logs/live.log';

    it('are read while they grow and adopted where they end', async () => {
      expect(await store.logs.findLast(taskId, 0)).toBeUndefined();
      for (let seq = 0; seq < 12; seq += 1) await store.logs.append(taskId, 0, aChunk(seq));

      expect(await store.logs.findLast(taskId, 0)).toEqual({ seq: 11, taskBytes: 110 });
      expect(await readAll()).toBe(lines(12));
      expect(
        (await all(store.logs.chunks(taskId, 0, 9))).map(({ seq, taskBytes }) => [seq, taskBytes]),
      ).toEqual([
        [10, 100],
        [11, 110],
      ]);
      await expect(store.logs.append(taskId, 0, aChunk(11))).rejects.toMatchObject({ type: 'WriteConflict' });
    });

    it('become an artifact when they are finished, twice without harm', async () => {
      for (let seq = 0; seq < 3; seq += 1) await store.logs.append(taskId, 0, aChunk(seq));

      expect(await store.logs.isFinished(taskId, 0)).toBe(false);
      const first = await store.logs.finish(taskId, 0);
      expect(await store.logs.isFinished(taskId, 0)).toBe(true);
      const second = await store.logs.finish(taskId, 0);

      expect(first).toEqual({
        name: LIVE_LOG,
        sizeBytes: 21,
        sha256: sha256(lines(3)),
        contentType: 'text/plain; charset=utf-8',
      });
      expect(second).toEqual(first);
      expect(await store.artifacts.find(taskId, 0, LIVE_LOG)).toEqual(first);
      expect(await all(store.logs.chunks(taskId, 0))).toEqual([]);
      expect(await readAll()).toBe(lines(3));
    });

    it('of a run without output become an empty artifact', async () => {
      expect(await readAll()).toBe('');
      expect(await store.logs.finish(taskId, 0)).toMatchObject({ sizeBytes: 0 });
      expect(await store.logs.findLast(taskId, 0)).toBeUndefined();
    });

    it('are finished right after a finish that died among its deletions', async () => {
      for (let seq = 0; seq < 5; seq += 1) await store.logs.append(taskId, 0, aChunk(seq));
      await store.logs.finish(taskId, 0);
      // The chunks that it had not come to.
      for (let seq = 0; seq < 2; seq += 1) await store.logs.append(taskId, 0, aChunk(seq));
      expect(await readAll()).toBe(lines(5));
      expect(await store.logs.findLast(taskId, 0)).toEqual({ seq: 4, taskBytes: 40 });

      expect(await store.logs.finish(taskId, 0)).toMatchObject({ sha256: sha256(lines(5)) });

      expect(await all(store.logs.chunks(taskId, 0))).toEqual([]);
    });

    it('lose a chunk that came after they were joined, and none before', async () => {
      for (let seq = 0; seq < 3; seq += 1) await store.logs.append(taskId, 0, aChunk(seq));
      await store.logs.dropLate(taskId, 0, 2);
      expect(await readAll()).toBe(lines(3));
      await store.logs.finish(taskId, 0);

      await store.logs.append(taskId, 0, aChunk(3));
      await store.logs.dropLate(taskId, 0, 3);

      expect(await all(store.logs.chunks(taskId, 0))).toEqual([]);
      expect(await readAll()).toBe(lines(3));
    });

    it('go on after a finish that came too early', async () => {
      for (let seq = 0; seq < 5; seq += 1) await store.logs.append(taskId, 0, aChunk(seq));
      await store.logs.finish(taskId, 0);
      for (let seq = 5; seq < 7; seq += 1) await store.logs.append(taskId, 0, aChunk(seq));

      expect(await readAll()).toBe(lines(7));
      expect(await store.logs.isFinished(taskId, 0)).toBe(false);
      expect(await store.logs.finish(taskId, 0)).toMatchObject({ sha256: sha256(lines(7)) });
      expect(await readAll()).toBe(lines(7));
    });

    it('are read whole by who began before they were finished', async () => {
      for (let seq = 0; seq < 30; seq += 1) await store.logs.append(taskId, 0, aChunk(seq));
      const body: Readable = await store.logs.read(taskId, 0);
      const chunks = body.iterator() as AsyncIterableIterator<Buffer>;
      const first = (await chunks.next()).value as Buffer;

      await store.logs.finish(taskId, 0);

      let rest = '';
      for await (const chunk of chunks) rest += chunk.toString();
      expect(first.toString() + rest).toBe(lines(30));
    });
  });

  /**
   * Three hundred entries of a name, the n-th created 10 n minutes ago, by clocks that differ by up to a quarter of an hour from the
   * store's, with an index that tells what is read of it. Two of the oldest were used just now.
   */
  async function manyEntries(): Promise<{
    readonly index: Store['index'];
    readonly reads: readonly string[];
    readonly count: number;
    hashOf(n: number): string;
  }> {
    const count = 300;
    const nowMs = Date.now();
    const written = new Map<string, Date>();
    const reads: string[] = [];
    // Keys tell nothing of the order.
    const hashOf = (n: number): string => sha256(`${project} ${n}`);
    await mapConcurrently(Array.from({ length: count }).keys(), async (n) => {
      const key = { domain: project, name: 'lint', imageHash: hashOf(n) };
      const level = n % 2 === 0 ? 1 : 3;
      const createdMs = nowMs - n * 10 * MINUTE_MS;
      const aheadMs = [-14, 14, 0][n % 3]! * MINUTE_MS;
      const isUsed = n === count - 9 || n === count - 15;
      await store.index.write(key, level, anEntry({ created: new Date(createdMs).toISOString() }));
      const [storeKey = ''] = store.index.keysOf(key, level).slice(-1);
      written.set(storeKey, new Date(isUsed ? nowMs : createdMs + aheadMs));
    });
    const { index } = createStore(watchReads(objects, { written, reads }));
    return { index, reads, count, hashOf };
  }

  function anEntry(change: Partial<IndexEntry> = {}): IndexEntry {
    const inputs = {
      contextHash: 'c',
      args: {},
      platform: 'linux/amd64',
      parent: null,
      bases: { 'debian:12': DIGEST },
    };
    const stored = { manifestDigest: DIGEST, configDigest: DIGEST, diffIds: [DIGEST], sizeBytes: 5 };
    return { version: 1, taskId, run: 0, created: '2026-01-01T00:00:00Z', ...stored, inputs, ...change };
  }

  function aBase(change: Partial<BaseRecord>): BaseRecord {
    const stored = { manifestDigest: DIGEST, configDigest: DIGEST, diffIds: [DIGEST], sizeBytes: 5 };
    return {
      version: 1,
      reference: 'debian:12',
      platform: 'linux/amd64',
      resolved: '2026-01-01T00:00:00Z',
      source: 'pulled',
      ...stored,
      ...change,
    };
  }

  function aPush(
    owner: string,
    {
      level = 1,
      salt = 0,
      variant,
      ...change
    }: { level?: Level; salt?: number; variant?: string; refs?: string[]; received?: string },
  ): PushRecord {
    const of = sha256(`${owner}${salt}`).slice(0, 40);
    return {
      version: 1,
      pushId: pushId({ project: owner, level, revision: of, variant }),
      project: owner,
      domain: owner,
      level,
      repository: 'file:///srv/git/demo.git',
      refs: ['refs/heads/main'],
      revision: of,
      request: {},
      pushedBy: 'somebody',
      received: new Date().toISOString(),
      ...change,
    };
  }
}

function aStatus(id: string, state: PushDocument['state']): PushDocument {
  return {
    id,
    project: 'demo',
    repository: 'file:///srv/demo.git',
    ref: 'refs/heads/main',
    revision: 'a',
    level: 1,
    state,
    findings: [],
    received: '2026-01-01T00:00:00Z',
    images: [],
    tasks: [],
  };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** The same object store, whose listings say of some objects when they were last written; notes what is read of it. */
function watchReads(
  objects: ObjectStore,
  { written, reads }: { readonly written: ReadonlyMap<string, Date>; readonly reads: string[] },
): ObjectStore {
  return new Proxy(objects, {
    get(target, name: keyof ObjectStore) {
      const member = target[name];
      if (typeof member !== 'function') return member;
      if (name === 'list')
        return async function* (...args: Parameters<ObjectStore['list']>) {
          for await (const info of target.list(...args))
            yield { ...info, lastModified: written.get(info.key) ?? info.lastModified };
        };
      return (...args: never[]) => {
        if (name === 'get') reads.push(String(args[0]));
        return (member as (...given: never[]) => unknown).apply(target, args);
      };
    },
  });
}

async function keysUnder(objects: ObjectStore, prefix: string): Promise<string[]> {
  return (await all(objects.list(prefix))).map(({ key }) => key);
}
