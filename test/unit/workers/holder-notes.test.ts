import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Digest } from '../../../model/pure/ids.ts';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { createStore } from '../../../store/create-store.ts';
import { createHolderNotes } from '../../../workers/holder-notes.ts';

it('An engine is noted for each image of the store that it has loaded, of whatever kind, and not once more soon after', async () => {
  const objects = createMemoryObjectStore();
  const puts: string[] = [];
  const store = createStore({
    ...objects,
    put: (key, ...rest) => {
      puts.push(key);
      return objects.put(key, ...rest);
    },
  });
  const note = createHolderNotes({ store, logger: pino({ level: 'silent' }) }, 'here');
  const manifestDigest: Digest = `sha256:${'a'.repeat(64)}`;

  note(1, { manifestDigest });
  note(1, { manifestDigest });
  note(1, {});
  await turn();

  expect(puts).toHaveLength(1);
  expect(await store.holders.list(1, manifestDigest)).toEqual(['here']);
});
