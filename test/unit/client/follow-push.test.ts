import { beforeEach, describe, expect, it } from '@jest/globals';
import type { OnAway } from '../../../client/api.ts';
import { followPush } from '../../../client/follow-push.ts';
import { StoreUnavailable, TemporalUnavailable } from '../../../model/errors.ts';
import { pushId as pushIdOf } from '../../../model/pure/ids.ts';
import { recordPush } from '../../../steps/read-push.ts';
import { createStore } from '../../../store/create-store.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import type { Store } from '../../../store/store.ts';
import { aPushInput } from '../../helpers/push-input.ts';

const push = aPushInput();
const pushId = pushIdOf(push);
const signal = AbortSignal.timeout(30_000);

let store: Store;
/** The same, that answers always. */
let sound: Store;
/** What the store throws instead of its next answers. */
let failures: Error[];
beforeEach(() => {
  const objects = createMemoryObjectStore();
  sound = createStore(objects);
  failures = [];
  store = createStore({
    ...objects,
    get(...args) {
      const error = failures.shift();
      return error ? Promise.reject(error) : objects.get(...args);
    },
  });
});

function failure(name: string, facts: object = {}): StoreUnavailable {
  const cause = Object.assign(new Error(name), { name, ...facts });
  return new StoreUnavailable('GetObject', 'b', 'k', name, { cause });
}

/** How a push stands whenever that has changed, with failures after its first record and before its verdict. */
async function follow(then: readonly Error[], onAway?: OnAway): Promise<readonly string[]> {
  const states: string[] = [];
  const askTemporal = (): Promise<never> =>
    Promise.reject(new TemporalUnavailable('localhost:7233', 'no answer'));
  for await (const { state } of followPush({ store, askTemporal }, pushId, signal, onAway)) {
    states.push(state);
    if (states.length > 1) continue;
    failures = [...then];
    await recordPush(sound, { pushId, plannedAt: '', images: [], push, verdict: { reason: 'failed' } });
  }
  return states;
}

describe('who follows a push', () => {
  beforeEach(() => recordPush(sound, { pushId, plannedAt: '', images: [], push }));

  it('waits while the store is away, and is told of it', async () => {
    const told: string[] = [];
    const away = [failure('Error', { code: 'EAI_AGAIN' }), failure('TimeoutError')];

    const states = await follow(away, ({ type }) => void told.push(type));

    expect(states).toEqual(['running', 'failed']);
    expect(told).toEqual(['StoreUnavailable', 'StoreUnavailable']);
  });

  it('hears of a refusal', async () => {
    const refusal = failure('AccessDenied', { $metadata: { httpStatusCode: 403 } });

    await expect(follow([refusal])).rejects.toThrow('AccessDenied');
  });
});
