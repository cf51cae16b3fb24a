import { describe, expect, it } from '@jest/globals';
import { PushTrouble } from '../../../docker/transport/push-trouble.ts';
import { StoreOutOfSpace, StoreUnavailable } from '../../../model/errors.ts';

const away = (): StoreUnavailable => new StoreUnavailable('PutObject', 'slipway', 'key', 'it is away');
const full = new StoreOutOfSpace('PutObject', 'slipway', 'key', 'no space left on device');

describe('a push into a store that fails', () => {
  it('is hopeless at once when the store is full, whatever comes after', () => {
    const trouble = new PushTrouble();

    trouble.failed(full, performance.now());
    trouble.failed(new Error('the upload was given up'), performance.now());
    trouble.stored();

    expect(trouble.hopeless.reason).toBe(full);
    expect(trouble.last).toBe(full);
  });

  it('is hopeless when it has failed three times, each after the one before', () => {
    const trouble = new PushTrouble();
    const aborted: boolean[] = [];
    for (let time = 0; time < 3; time += 1) {
      trouble.failed(away(), performance.now());
      aborted.push(trouble.hopeless.aborted);
    }

    expect(aborted).toEqual([false, false, true]);
  });

  it('is not hopeless for uploads side by side that fail together', () => {
    const trouble = new PushTrouble();
    const begunMs = performance.now() - 1;

    for (let upload = 0; upload < 5; upload += 1) trouble.failed(away(), begunMs);

    expect(trouble.hopeless.aborted).toBe(false);
    expect(trouble.last).toMatchObject({ type: 'StoreUnavailable' });
  });

  it('forgets what the store has made good', () => {
    const trouble = new PushTrouble();
    for (let time = 0; time < 5; time += 1) {
      trouble.failed(away(), performance.now());
      trouble.failed(away(), performance.now());
      trouble.stored();
    }

    expect(trouble.last).toBeUndefined();
    expect(trouble.hopeless.aborted).toBe(false);
  });

  it('is not hopeless for what is not the store’s', () => {
    const trouble = new PushTrouble();

    for (let time = 0; time < 5; time += 1) trouble.failed(new Error('cut off'), performance.now());

    expect(trouble.hopeless.aborted).toBe(false);
    expect(trouble.last).toMatchObject({ message: 'cut off' });
  });
});
