import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import { connectEngine } from '../../../docker/connect.ts';
import type { Engine } from '../../../docker/engine.ts';
import { openBuildContext } from '../../../images/build-context.ts';
import type { RenewedBase } from '../../../model/pure/base-payloads.ts';
import type { Digest } from '../../../model/pure/ids.ts';
import type { StoredImage } from '../../../model/schema/plan.ts';
import type { StepContext } from '../../../steps/step-context.ts';
import type { BuiltInEngine } from '../../../steps/build-in-engine.ts';
import { buildInEngine } from '../../../steps/build-in-engine.ts';
import type { ImportBaseDeps } from '../../../steps/import-base.ts';
import { importBase } from '../../../steps/import-base.ts';
import { renewBase } from '../../../steps/renew-base.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { testFleet } from '../../helpers/dev-engine.ts';
import type { ImageRegistry } from '../../helpers/image-registry.ts';
import { startImageRegistry } from '../../helpers/image-registry.ts';
import { memoryTree } from '../../helpers/memory-tree.ts';
import type { SecondEngine } from '../../helpers/second-engine.ts';
import { startSecondEngine } from '../../helpers/second-engine.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

jest.setTimeout(180_000);

const AMD64 = 'linux/amd64';
const ARM64 = 'linux/arm64';
const place = { domain: 'demo', level: 1 } as const;
const context = {
  signal: new AbortController().signal,
  onProgress: () => undefined,
  isCanceled: () => false,
};
const store = createStore(createMemoryObjectStore());

let registry: ImageRegistry;
let second: SecondEngine;
let engine: Engine;
beforeAll(async () => {
  registry = await startImageRegistry({});
  second = await startSecondEngine();
  const address = `unix://${second.socketPath}`;
  engine = await connectEngine({
    address,
    blobs: store.blobs,
    reach: { kind: 'loopback' },
    fleet: testFleet(),
  });
});
afterAll(async () => {
  await engine?.close();
  await second?.stop();
  await registry?.[Symbol.asyncDispose]();
});

const lending = (lent: () => Engine): ImportBaseDeps => ({
  store,
  withEngine: (_domain, signal, work) => work(lent(), signal),
  withHostEngine: (work) => work(lent()),
});
const deps = lending(() => engine);
const bring = (reference: string, platform: string): Promise<{ readonly unavailable?: string }> =>
  importBase(deps, { ...place, platform, reference }, context);
const renew = (reference: string, platform = AMD64): Promise<RenewedBase> =>
  renewBase(deps, { ...place, platform, reference, tracked: true }, context);

/** Digest of what is recorded of a base for a platform, and the architecture that its config names. */
async function recorded(
  reference: string,
  platform: string,
): Promise<{ readonly digest: string; readonly architecture: string }> {
  const record = await store.index.findBase('demo', platform, reference, 1);
  const config = await buffer(await store.blobs.read((record?.configDigest ?? '') as Digest));
  const { architecture } = JSON.parse(config.toString()) as { architecture: string };
  return { digest: record?.manifestDigest ?? '', architecture };
}

let builds = 0;

type BuiltHere = BuiltInEngine & { readonly output: string };

/** Builds on what a base is by its digest; `meanwhile` goes on when that is in the engine. */
function build(
  { reference, digest, platform = AMD64 }: { reference: string; digest: string; platform?: string },
  meanwhile?: () => Promise<unknown>,
): Promise<BuiltHere> {
  const dockerfile = `ARG BASE=${reference}\nFROM $BASE\nCOPY --from=${reference} /which /copied\n`;
  return buildFile(dockerfile, { platform, bases: { [reference]: digest } }, meanwhile);
}

/** The same on a parent. */
function buildOnParent(parent: StoredImage, meanwhile: () => Promise<unknown>): Promise<BuiltHere> {
  const dockerfile = 'ARG DOCKER_IMAGE_PARENT\nFROM ${DOCKER_IMAGE_PARENT}\nCOPY Dockerfile /copied\n';
  return buildFile(dockerfile, { platform: AMD64, bases: {}, parent }, meanwhile);
}

async function buildFile(
  dockerfile: string,
  {
    platform,
    bases,
    parent,
  }: { platform: string; bases: Readonly<Record<string, string>>; parent?: StoredImage },
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): Promise<BuiltHere> {
  const tree = memoryTree({ 'docker/Dockerfile': dockerfile });
  const hasParent = parent !== undefined;
  const definition = { imageName: 'lint', context: 'docker', args: {}, hasParent, platform };
  const buildContext = await openBuildContext(tree, definition);
  const { contextHash } = buildContext;
  const inputs = { contextHash, args: {}, platform, parent: parent ? 'of-parent' : null, bases };
  let output = '';
  const built = await buildInEngine(
    engine,
    { name: 'lint', inputs, buildContext, parent },
    {
      ...{ store, ...place, ...context },
      tag: `slipway.invalid/build:${(builds += 1)}`,
      parentTag: 'slipway.invalid/parent:none',
      onGround: async () => void (await meanwhile()),
      onOutput: (text) => (output += text),
    },
  );
  return { ...built, output };
}

/** What a built image has of its base, as it stands on it and as it copied it. */
async function filesOf(image: string): Promise<readonly string[]> {
  const container = await second.docker.createContainer({ Image: image, Cmd: ['/none'] });
  const read = async (path: string): Promise<string> => {
    const tar = (await container.getArchive({ path })).pipe(extract());
    for await (const entry of tar) return (await buffer(entry)).toString();
    return 'nothing';
  };
  try {
    return [await read('/which'), await read('/copied')];
  } finally {
    await container.remove();
  }
}

const which = (text: string): { readonly which: Buffer } => ({ which: Buffer.from(text) });

describe('a build', () => {
  it('says what moved whole for it, where less would have done', async () => {
    const reference = `${registry.host}/falls-back:1`;
    await registry.put('falls-back', '1', which('there'));
    expect(await bring(reference, AMD64)).toEqual({});
    const { digest } = await recorded(reference, AMD64);
    const good = engine;
    const address = `unix://${second.socketPath}`;
    await second.docker.pruneImages({ filters: { dangling: { false: true } } });
    await using directory = await temporaryDirectory('slipway-bases-');
    // Nobody listens where it is told that the endpoint is.
    const reach = { kind: 'forwarder', socketPath: join(directory.path, 's'), port: 1 } as const;
    engine = await connectEngine({ address, blobs: store.blobs, reach, fleet: testFleet() });
    try {
      const { fellBack } = await build({ reference, digest });

      expect(fellBack).toEqual([expect.stringMatching(`^base ${reference}: pull failed: `)]);
      expect((await build({ reference, digest })).fellBack).toEqual([]);
    } finally {
      await engine.close();
      engine = good;
    }
  });

  it('stands on the base that its hash names, whatever is built or pulled under its reference side by side', async () => {
    const reference = `${registry.host}/moves:1`;
    await registry.put('moves', '1', which('first'));
    expect(await bring(reference, AMD64)).toEqual({});
    const first = await recorded(reference, AMD64);
    await registry.put('moves', '1', which('second'));
    const renewed = await renew(reference);
    const onSecond = { reference, digest: renewed.stored?.manifestDigest ?? '' };
    let other: BuiltInEngine | undefined;

    const built = await build({ reference, ...first }, async () => {
      other = await build(onSecond, async () => {
        await registry.put('moves', '1', which('third'));
        await renew(reference);
      });
    });

    expect(await filesOf(built.engineImageId)).toEqual(['first', 'first']);
    expect(await filesOf(other?.engineImageId ?? '')).toEqual(['second', 'second']);
    expect(built.output).toContain(`FROM ${reference}`);
    expect(built.output).toContain(`COPY --from=${reference}`);
    expect(built.output).not.toContain('slipway.invalid/image:base-');
  });

  it.each(['base', 'parent'])(
    'brings its %s again that somebody prunes before it is built on',
    async (what) => {
      const reference = `${registry.host}/pruned-${what}:1`;
      await registry.put(`pruned-${what}`, '1', which(what));
      await bring(reference, AMD64);
      const stored = await store.index.findBase('demo', AMD64, reference, 1);
      let rounds = 0;
      const prune = async (): Promise<void> => {
        rounds += 1;
        if (rounds === 1) await second.docker.pruneImages({ filters: { dangling: { false: true } } });
      };

      const built =
        what === 'base'
          ? await build({ reference, digest: stored?.manifestDigest ?? '' }, prune)
          : await buildOnParent(stored!, prune);

      expect(rounds).toBe(2);
      expect((await filesOf(built.engineImageId))[0]).toBe(what);
      expect(built.output).toContain('. Somebody has removed it; it is brought again\n');
    },
  );

  it('says the reference of a base that somebody removes from under it again and again', async () => {
    const reference = `${registry.host}/gone:1`;
    await registry.put('gone', '1', which('gone'));
    await bring(reference, AMD64);
    const { digest } = await recorded(reference, AMD64);
    const tag = `slipway.invalid/image:base-${digest.slice('sha256:'.length)}`;

    const building = build({ reference, digest }, () => engine.images.remove(tag));

    await expect(building).rejects.toMatchObject({ type: 'BaseUnavailable', reference });
  });
});

describe('a registry in trouble', () => {
  const attempt = (made: number): StepContext => ({ ...context, attempts: { made, enough: 12 } });
  const base = (name: string): { readonly reference: string; readonly platform: string } => ({
    reference: `${registry.host}/${name}:1`,
    platform: AMD64,
  });
  const importIn = (name: string, made: number): Promise<{ readonly unavailable?: string }> =>
    importBase(deps, { ...place, ...base(name) }, attempt(made));
  const renewIn = (name: string, made: number): Promise<RenewedBase> =>
    renewBase(deps, { ...place, ...base(name), tracked: false }, attempt(made));
  const passes = { type: 'EngineRequestFailed', retryable: true };
  const why = expect.stringContaining('503 Service Unavailable');

  it('is asked for a base again, until it has been asked often enough', async () => {
    registry.refuse('trouble', { status: 503 });

    await expect(importIn('trouble', 1)).rejects.toMatchObject(passes);
    await expect(importIn('trouble', 11)).rejects.toMatchObject(passes);
    await expect(renewIn('trouble', 11)).rejects.toMatchObject(passes);
    expect(await importIn('trouble', 12)).toEqual({ unavailable: why });
    expect(await renewIn('trouble', 12)).toEqual({ unavailable: why });
  });

  it('is asked only a few times where there is a record that can count', async () => {
    await registry.put('recorded', '1', which('recorded'));
    expect(await importIn('recorded', 1)).toEqual({});
    registry.refuse('recorded', { status: 503 });
    const { digest } = await recorded(base('recorded').reference, AMD64);

    await expect(renewIn('recorded', 4)).rejects.toMatchObject(passes);
    expect(await renewIn('recorded', 5)).toMatchObject({
      stored: { manifestDigest: digest },
      unavailable: why,
    });
  });

  it('is not taken for one that says no, which is asked once', async () => {
    registry.refuse('none', { status: 404, code: 'MANIFEST_UNKNOWN' });

    const no = { unavailable: expect.stringMatching(/cannot be used: .*(manifest unknown|not found)/) };
    expect(await importIn('none', 1)).toEqual(no);
    expect(await renewIn('none', 1)).toEqual(no);
  });
});

describe('a base in a registry that wants a login', () => {
  it('is imported and renewed by the login that is there then; without it the last record counts', async () => {
    const password = { username: 'me', password: 'of the registry' };
    await using closed = await startImageRegistry({}, { password });
    await using directory = await temporaryDirectory('slipway-bases-');
    const path = join(directory.path, 'config.json');
    const logIn = (auths: object): Promise<void> => writeFile(path, JSON.stringify({ auths }));
    const known = { [closed.host]: password };
    const reference = `${closed.host}/private:1`;
    const base = { ...place, platform: AMD64, reference };
    const loggedIn = await connectEngine({
      address: `unix://${second.socketPath}`,
      blobs: store.blobs,
      reach: { kind: 'loopback' },
      fleet: testFleet(),
      credentials: { path },
    });
    const lent = lending(() => loggedIn);
    const renewIt = (): Promise<RenewedBase> => renewBase(lent, { ...base, tracked: true }, context);
    const refused = expect.stringContaining(`has no credentials for registry "${closed.host}"`);
    await closed.put('private', '1', which('first'));
    try {
      await logIn({});
      expect(await importBase(lent, base, context)).toEqual({ unavailable: refused });
      await logIn(known);
      expect(await importBase(lent, base, context)).toEqual({});
      const first = await recorded(reference, AMD64);
      await closed.put('private', '1', which('second'));
      const renewed = await renewIt();
      expect(renewed.stored?.manifestDigest).not.toBe(first.digest);
      await logIn({});
      expect(await renewIt()).toMatchObject({ stored: renewed.stored, unavailable: refused });
    } finally {
      await loggedIn.close();
    }
  });
});

describe('a base for several platforms', () => {
  it('is recorded for each as what it is there, also when both are brought at once', async () => {
    const reference = `${registry.host}/both:1`;
    await registry.putIndex('both', '1', { [AMD64]: which('amd64'), [ARM64]: which('arm64') });

    const brought = await Promise.all([bring(reference, AMD64), bring(reference, ARM64)]);

    expect(brought).toEqual([{}, {}]);
    expect(await recorded(reference, AMD64)).toMatchObject({ architecture: 'amd64' });
    const arm = await recorded(reference, ARM64);
    expect(arm).toMatchObject({ architecture: 'arm64' });
    const built = await build({ reference, ...arm, platform: ARM64 });
    expect((await second.docker.getImage(built.engineImageId).inspect()).Architecture).toBe('arm64');
    expect(await filesOf(built.engineImageId)).toEqual(['arm64', 'arm64']);
  });

  it('is resolved anew for each', async () => {
    const reference = `${registry.host}/renewed:1`;
    const digests = new Set<string | undefined>();
    for (const text of ['old', 'new']) {
      await registry.putIndex('renewed', '1', { [AMD64]: which(`${text} 1`), [ARM64]: which(`${text} 2`) });
      for (const platform of [AMD64, ARM64])
        digests.add((await renew(reference, platform)).stored?.manifestDigest);
    }

    expect(digests.size).toBe(4);
    expect(digests).not.toContain(undefined);
  });

  it('is what it is for its platform also when somebody has the name for another one in that moment', async () => {
    const reference = `${registry.host}/taken:1`;
    await registry.putIndex('taken', '1', { [AMD64]: which('amd64'), [ARM64]: which('arm64') });
    const other = await engine.images.pull(reference, { ...context, platform: AMD64 });
    let isTaken = false;
    const take = ({ message }: { readonly message: string }): void => {
      if (isTaken || !message.startsWith('Status:')) return;
      isTaken = true;
      const host = `unix://${second.socketPath}`;
      execFileSync('docker', ['--host', host, 'tag', other.engineImageId, reference]);
    };

    const pulled = await engine.images.pull(reference, { ...context, platform: ARM64, onProgress: take });

    expect(isTaken).toBe(true);
    expect((await second.docker.getImage(pulled.engineImageId).inspect()).Architecture).toBe('arm64');
  });

  it('is not to be had where the registry has it for another architecture only, and nothing is recorded', async () => {
    const reference = `${registry.host}/one:1`;
    await registry.put('one', '1', which('amd64'));

    const { unavailable } = await bring(reference, ARM64);

    expect(unavailable).toBe(
      `Image "${reference}" cannot be used: it is for linux/amd64, not for linux/arm64`,
    );
    expect(await store.index.findBase('demo', ARM64, reference, 1)).toBeUndefined();
  });
});
