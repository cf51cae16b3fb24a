import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { withLocalEngine } from '../../../client/cli/local-engine.ts';
import { emptyStore } from '../../../store/empty-store.ts';
import type { FakeEngine } from '../../helpers/fake-engine.ts';
import { startFakeEngine } from '../../helpers/fake-engine.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';

const OWN = 'slipway.invalid/image:lint';
const OLD = 'slipway.invalid/image:old';

describe('an engine in which a person works', () => {
  let scratch: ReturnType<typeof scratchDirectory>;
  let engine: FakeEngine;
  beforeEach(async () => {
    scratch = scratchDirectory();
    engine = await startFakeEngine();
    engine.images.set('sha256:1', new Set([OWN]));
    engine.images.set('sha256:2', new Set([OLD]));
  });
  afterEach(async () => {
    await engine[Symbol.asyncDispose]();
    scratch[Symbol.dispose]();
  });

  /** Uses an image there while a stack runs whose workers use those engines. */
  async function use(engines: {
    readonly runnerEngine: string;
    readonly builderEngine?: string;
  }): Promise<void> {
    const home = join(scratch.path, 'home');
    mkdirSync(home, { recursive: true });
    const stack = {
      version: 1,
      fleet: 'unit',
      temporal: { address: '127.0.0.1:1', namespace: 'unit' },
      store: { region: 'r', bucket: 'b' },
      ...engines,
      serverConfig: join(home, 'slipway.config.yml'),
      stateDirectory: home,
      runtimeDirectory: home,
    };
    writeFileSync(join(home, 'stack.json'), JSON.stringify(stack));
    const env = { SLIPWAY_HOME: home, DOCKER_HOST: engine.address };
    await withLocalEngine({ env }, emptyStore().blobs, async ({ images }) => {
      await images.use(OWN);
      await images.makeRoom();
      await images.keepRoom();
    });
  }

  it.each(['runnerEngine', 'builderEngine'] as const)(
    'and workers too (%s), is told what was used there, and keeps all that it has',
    async (which) => {
      await use({ runnerEngine: 'unix:///other.sock', [which]: engine.address });

      const [names] = [...(engine.images.get('sha256:1') ?? [])].filter((name) => name !== OWN);
      expect(names).toMatch(/^slipway\.invalid\/used:\d+-1$/);
      expect([...(engine.images.get('sha256:2') ?? [])]).toEqual([OLD]);
    },
  );

  it('alone, gets no names that tell of use', async () => {
    await use({ runnerEngine: 'unix:///other.sock' });

    expect([...(engine.images.get('sha256:1') ?? [])]).toEqual([OWN]);
  });
});
