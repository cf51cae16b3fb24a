import { describe, expect, it } from '@jest/globals';
import { createMemoryObjectStore } from '../../../store/memory-object-store.ts';
import { playSideBySide } from '../../helpers/pushes-and-collections.ts';

describe('200 pushes and collections at random side by side', () => {
  it.each([1, 2])(
    'lose nothing that is reachable, and leave little that is not (seed %i)',
    async (seed) => {
      const open = (now: () => Date) => createMemoryObjectStore('memory', now);

      const played = await playSideBySide({ seed, pushes: 200, silentMs: 250, open });

      expect(played.trouble).toEqual([]);
      expect(played.reachable).toBeGreaterThan(100_000);
      expect(played.total).toBeLessThanOrEqual(1.05 * played.reachable);
      expect(played.overdue).toEqual([]);
    },
    300_000,
  );
});
