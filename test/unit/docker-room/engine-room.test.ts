import { describe, expect, it } from '@jest/globals';
import type { EngineBudget } from '../../../docker/room/disk-of-engine.ts';
import { EngineRoom } from '../../../docker/room/engine-room.ts';
import { startFakeEngine } from '../../helpers/fake-engine.ts';

const HOLDER = 'ab12';
const minutesAgo = (minutes: number): number => Math.floor(Date.now() / 1000) - 60 * minutes;
const heldFor = (minutes: number, holder = HOLDER): string =>
  `slipway.invalid/held:${minutesAgo(minutes)}-${holder}`;

describe('an image that is held', () => {
  it('stays beyond an hour for whoever renews the hold, and no other hold is renewed', async () => {
    await using engine = await startFakeEngine();
    const room = new EngineRoom(engine.docker, { isPrivate: false, budgetBytes: 0 });
    engine.images.set('sha256:1', new Set(['slipway.invalid/image:base', heldFor(59)]));
    engine.images.set('sha256:2', new Set(['slipway.invalid/image:other', heldFor(61, 'ef34')]));

    await room.renew(HOLDER);
    await room.empty();

    expect([...engine.images.keys()]).toEqual(['sha256:1']);
    const names = [...(engine.images.get('sha256:1') ?? [])];
    expect(names).toHaveLength(2);
    expect(Number(/held:(\d+)-ab12$/.exec(names[1] ?? '')?.[1])).toBeGreaterThanOrEqual(minutesAgo(1));

    await room.release(HOLDER);
    await room.empty();

    expect(engine.images.size).toBe(0);
  });
});

describe('an engine with a disk', () => {
  it.each<readonly [string, EngineBudget, number]>([
    ['that cannot be seen loses what may go when that is full', 'unknown', 0],
    ['whose budget is a number does, too', 1_000_000, 0],
    ['without a limit keeps all', undefined, 1],
  ])('%s', async (_what, budgetBytes, left) => {
    await using engine = await startFakeEngine();
    const room = new EngineRoom(engine.docker, { isPrivate: false, budgetBytes });
    engine.images.set('sha256:1', new Set(['slipway.invalid/image:old']));

    expect(await room.keep()).toBeUndefined();
    expect(engine.images.size).toBe(1);
    const made = await room.empty();

    expect(engine.images.size).toBe(left);
    expect(made?.removed ?? []).toHaveLength(1 - left);
  });
});
