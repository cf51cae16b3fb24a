import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RenewedBase } from '../../../model/pure/base-payloads.ts';
import type { Level } from '../../../model/pure/ids.ts';
import { imageTaskId } from '../../../model/pure/ids.ts';
import type { PlannedImage } from '../../../model/schema/plan.ts';
import { serverConfigSchema, tarballOf } from '../../../model/schema/config.ts';
import type { TarballKeeping } from '../../../model/schema/task.ts';
import { renderWhy } from '../../../client/cli/render/why-text.ts';
import { writeContextList } from '../../../steps/context-list.ts';
import { makePlan } from '../../../steps/make-plan.ts';
import type { MadePlan } from '../../../steps/make-plan.ts';
import { openBuildContext } from '../../../images/build-context.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { createStore } from '../../../store/create-store.ts';
import type { ObjectStore } from '../../../store/object-store.ts';
import type { Store } from '../../../store/store.ts';
import type { MemoryFile } from '../../helpers/memory-tree.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import type { MadeImage } from '../../helpers/stored-images.ts';
import { anImage, putImage } from '../../helpers/stored-images.ts';

const NOW = '2026-01-10T00:00:00.000Z';
const PLATFORM = 'linux/amd64';

let objects: ObjectStore;
let store: Store;
let base: MadeImage;
beforeEach(async () => {
  objects = createMemoryObjectStore();
  store = createStore(objects);
  base = await putImage(store.blobs, await anImage());
  await store.index.recordBase('demo', 3, aRecord(base, '2026-01-01T00:00:00.000Z'));
});

function aRecord(image: MadeImage, resolved: string): Parameters<Store['index']['recordBase']>[2] {
  return {
    version: 1,
    ...image.stored,
    reference: 'debian:12',
    platform: PLATFORM,
    resolved,
    source: 'pulled',
  };
}

const yml = (over = ''): string =>
  `version: 1\nimages:\n  lint: { context: lint${over} }\ntasks:\n  t: { image: { in-tree: lint }, command: "true" }\n`;
const files = (over: Record<string, MemoryFile> = {}): Record<string, MemoryFile> => ({
  'slipway.yml': yml(),
  'lint/Dockerfile': 'FROM debian:12\n',
  ...over,
});

async function plan(
  tree: Record<string, MemoryFile>,
  options: {
    level?: Level;
    rebuild?: string[];
    renewedBases?: Record<string, RenewedBase>;
    tarball?: TarballKeeping;
  } = {},
): Promise<Extract<MadePlan, { outcome: 'planned' }> & { readonly lint: PlannedImage }> {
  const { level = 1, rebuild, ...over } = options;
  const made = await makePlan(memoryTree(tree), store, {
    pushId: `push/demo/${level}/${'1'.repeat(40)}`,
    project: 'demo',
    domain: 'demo',
    level,
    repository: 'file:///demo',
    ref: 'refs/heads/main',
    request: rebuild ? { rebuild } : {},
    platform: PLATFORM,
    plannedAt: NOW,
    findChanges: () => Promise.resolve(undefined),
    signal: new AbortController().signal,
    ...over,
  });
  if (made.outcome !== 'planned') throw new Error(JSON.stringify(made));
  return { ...made, lint: made.plan.images.find(({ name }) => name === 'lint')! };
}

/** Leaves in the store what a build of an image leaves. */
async function build(
  tree: Record<string, MemoryFile>,
  {
    level = 1,
    created = '2026-01-09T00:00:00.000Z',
    list = true,
  }: { level?: Level; created?: string; list?: boolean } = {},
): Promise<MadeImage> {
  const { lint } = await plan(tree, { level });
  const made = await putImage(store.blobs, await anImage());
  const key = { domain: 'demo', name: 'lint', imageHash: lint.imageHash! };
  const taskId = imageTaskId({ ...key, level });
  const entry = { version: 1 as const, ...made.stored, taskId, run: 0, created, inputs: lint.inputs };
  if (list) {
    const context = { imageName: 'lint', context: 'lint', args: lint.inputs.args, hasParent: false };
    const listed = await (await openBuildContext(memoryTree(tree), context)).files();
    const of = {
      version: 1 as const,
      repository: 'file:///demo',
      revision: '1'.repeat(40),
      context: 'lint',
      parent: null,
    };
    await writeContextList(store, entry, { ...of, files: [...listed] }, new AbortController().signal);
  }
  await store.index.write(key, level, entry);
  return made;
}

describe('an image of a plan', () => {
  it('that is known says where, and which keys were looked at', async () => {
    await build(files(), { level: 2 });

    const { lint } = await plan(files());

    expect(lint).toMatchObject({ action: 'reuse', why: 'built before, at level 2 on 2026-01-09 00:00' });
    expect(lint.explanation?.tried.map(({ key, found }) => `${key.slice(0, 7)} ${found}`)).toEqual([
      'level-3 nothing',
      'level-2 image',
    ]);
  });

  it('whose blobs are gone is built, and says so', async () => {
    const made = await build(files());
    expect((await plan(files())).lint.action).toBe('reuse');
    await objects.delete([`blobs/sha256/${made.stored.configDigest.slice('sha256:'.length)}`]);

    const { lint } = await plan(files());

    expect(lint).toMatchObject({
      action: 'build',
      why: 'built on 2026-01-09 00:00, but blobs of it are gone or damaged',
    });
    expect(lint.explanation?.tried.at(-1)?.found).toBe('damaged');
  });

  it('is compared with the newest that its level may read, and names files without a diff where contents are gone', async () => {
    await build(files({ 'lint/a': 'old' }), { level: 1, created: '2026-01-02T00:00:00.000Z' });
    await build(files({ 'lint/a': 'newer' }), { level: 3, created: '2026-01-03T00:00:00.000Z' });
    await build(files({ 'lint/b': 'of level 1' }), { level: 1, created: '2026-01-04T00:00:00.000Z' });

    const [atOne, atThree] = [await plan(files()), await plan(files(), { level: 3 })];

    expect(atOne.lint.why).toBe('b removed');
    expect(atThree.lint.why).toBe('a removed');
    expect((await plan(files({ 'lint/b': 'changed' }))).lint.why).toBe('b changed');
  });

  it('without a list of files from its time says so', async () => {
    await build(files(), { list: false });

    const { lint } = await plan(files({ 'lint/Dockerfile': 'FROM debian:12\nRUN true\n' }));

    expect(lint.why).toBe('its context changed (which files, was not kept)');
  });

  it('whose base is another one now says from what to what, and since when', async () => {
    await build(files());
    const other = await putImage(store.blobs, await anImage());
    await store.index.renewBase('demo', 3, aRecord(other, '2026-01-09T12:00:00.000Z'));

    const { lint } = await plan(files());

    const [before, now] = [base, other].map(({ stored }) => stored.manifestDigest.slice(7, 19));
    expect(lint.why).toBe(`base debian:12 refreshed on 2026-01-09 12:00, ${before} → ${now}`);
    expect(lint.baseImages).toEqual({ 'debian:12': other.stored });
  });

  it('that is older than rebuild-after is built with its base resolved anew, by force when nothing else is new', async () => {
    const tree = files({ 'slipway.yml': yml(', rebuild-after: 7 days') });
    await build(tree, { created: '2026-01-02T00:00:00.000Z' });

    const first = await plan(tree, { renewedBases: {} });
    expect(first.toRenew).toEqual([{ platform: PLATFORM, reference: 'debian:12', tracked: false }]);
    const stored = base.stored;
    const second = await plan(tree, {
      renewedBases: { 'pin linux/amd64 debian:12': { stored, resolved: NOW } },
    });

    expect(second.toRenew).toEqual([]);
    expect(second.lint).toMatchObject({
      action: 'build',
      force: true,
      why: 'built on 2026-01-02 00:00, which is longer ago than rebuild-after allows',
    });
    await build(tree);
    expect((await plan(tree, { renewedBases: {} })).lint.action).toBe('reuse');
  });

  it('that tracks its base asks for it at each push, and on a laptop says that a push will', async () => {
    const tree = files({ 'slipway.yml': yml(', base: track') });
    const tracked = { platform: PLATFORM, reference: 'debian:12', tracked: true };

    expect((await plan(tree, { renewedBases: {} })).toRenew).toEqual([tracked]);
    const onLaptop = await plan(tree);
    expect(onLaptop.lint.why).toBe(
      'no image of this name was built before; base debian:12 is tracked: a push resolves it anew, here it is what it was on 2026-01-01 00:00',
    );
    const away = await plan(tree, {
      renewedBases: {
        'track linux/amd64 debian:12': {
          stored: base.stored,
          resolved: '2026-01-01T00:00:00.000Z',
          unavailable: 'no route',
        },
      },
    });
    expect(away.toRenew).toEqual([]);
    expect(away.lint.why).toContain(
      'could not be resolved anew (no route): what it was on 2026-01-01 00:00 counts',
    );
  });

  it('whose FROM names a base that has no record yet is compared with the newest all the same', async () => {
    await build(files());

    const { lint } = await plan(files({ 'lint/Dockerfile': 'FROM debian:13\nRUN true\n' }));

    expect(lint).toMatchObject({
      action: 'unknown',
      imageHash: null,
      why: 'no record of its base: debian:13; Dockerfile changed; base debian:12 → debian:13 (no record yet)',
      explanation: { reason: 'unknown', against: { level: 1, revision: '1'.repeat(40) } },
    });
    const shown = renderWhy(
      { ...lint, explanation: lint.explanation!, diffs: {} },
      { paint: (_, text) => text },
    );
    expect(shown.join('\n')).toMatch(
      /^lint unknown: not known\nno record of its base: debian:13\ncompared with the newest that is there: [^]*\nbase debian:13 is new \(no record yet\)/m,
    );
  });

  it('whose base had a record and has none any more says so', async () => {
    await build(files());
    await objects.delete([
      `level-3/index/demo/bases/${encodeURIComponent(PLATFORM)}/${encodeURIComponent('debian:12')}`,
    ]);

    expect((await plan(files())).lint.why).toBe(
      'no record of its base: debian:12; base debian:12 has no record any more',
    );
  });

  it('whose parent is rebuilt is built on it again, though its hash is the same', async () => {
    const tree = files({
      'slipway.yml':
        'version: 1\nimages:\n  base: { context: base }\n  lint: { context: lint, parent: base }\ntasks:\n  t: { image: { in-tree: lint }, command: "true" }\n',
      'base/Dockerfile': 'FROM debian:12\n',
      'lint/Dockerfile': 'ARG DOCKER_IMAGE_PARENT\nFROM $DOCKER_IMAGE_PARENT\n',
    });
    await build(tree, { list: false });
    expect((await plan(tree)).lint.action).toBe('reuse');

    const { lint } = await plan(tree, { rebuild: ['base'] });

    expect(lint).toMatchObject({ action: 'build', force: true, why: 'its parent base is built again' });
    expect(lint.stored).toBeUndefined();
  });
});

describe('the tarball of an image', () => {
  const config = serverConfigSchema.parse({ version: 1, tarball: { 3: 'stored' } });
  const keptAt = async (level: Level, said = ''): Promise<string> => {
    const tree = files({ 'slipway.yml': yml(said) });
    return (await plan(tree, { level, tarball: tarballOf(config, level) })).lint.tarball;
  };

  it('is kept as its level keeps them', async () => {
    expect([await keptAt(1), await keptAt(2), await keptAt(3)]).toEqual(['view', 'view', 'stored']);
  });

  it('is kept as the image itself says, whatever its level does', async () => {
    expect(await keptAt(1, ', tarball: stored')).toBe('stored');
    expect(await keptAt(3, ', tarball: view')).toBe('view');
  });

  it('that is asked for when the image is there already is said to be missing, until it is stored', async () => {
    await build(files());
    const stored = files({ 'slipway.yml': yml(', tarball: stored') });

    const { lint } = await plan(stored);

    expect(lint).toMatchObject({
      action: 'reuse',
      why: 'built before, at level 1 on 2026-01-09 00:00; its tarball is not stored, since it was built when that was not asked for: a push stores it',
    });
    expect((await plan(files())).lint.why).toBe('built before, at level 1 on 2026-01-09 00:00');
    await store.artifacts.write(lint.madeBy!, 0, 'public/image.tar', Readable.from([Buffer.from('tar')]), {
      contentType: 'application/x-tar',
    });
    expect((await plan(stored)).lint.why).toBe('built before, at level 1 on 2026-01-09 00:00');
  });

  it('is no other image for being kept: both have one hash', async () => {
    const view = await plan(files(), { level: 3 });
    const stored = await plan(files(), { level: 3, tarball: 'stored' });

    expect(stored.lint.imageHash).toBe(view.lint.imageHash);
  });
});

it('refuses a configuration with another way of keeping tarballs', () => {
  expect(serverConfigSchema.safeParse({ version: 1, tarball: { 3: 'kept' } }).success).toBe(false);
  expect(serverConfigSchema.safeParse({ version: 1, tarball: { 4: 'stored' } }).success).toBe(false);
});
