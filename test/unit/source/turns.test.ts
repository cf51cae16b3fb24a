import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Turns } from '../../../source/turns.ts';

const REPOSITORY = 'https://git.example/large';
const patienceMs = 1_000;

describe('who has little patience', () => {
  it('waits for any number of others, none of which takes long', async () => {
    const turns = new Turns(REPOSITORY);
    const done: number[] = [];
    const works = Array.from({ length: 8 }, (_, at) =>
      turns.take(async () => void done.push(await delay(250, at)), { patienceMs }),
    );

    await Promise.all(works);

    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('is sent away while one takes long, at once when that is known; it is told when to come again, and others have their turn', async () => {
    const turns = new Turns(REPOSITORY);
    let end = (): void => undefined;
    const long = turns.take(() => new Promise<void>((resolve) => (end = resolve)), { patienceMs });
    const patient = turns.take(() => Promise.resolve('it was my turn'), {});
    const hasty = (): Promise<unknown> =>
      turns.take(() => Promise.resolve('it was my turn'), { patienceMs }).catch((error: unknown) => error);

    const [first, second] = await Promise.all([hasty(), hasty()]);
    const third = await Promise.race([hasty(), delay(patienceMs / 2, 'it waits')]);
    end();
    await long;

    for (const refused of [first, second, third])
      expect(refused).toMatchObject({
        type: 'RepositoryUnavailable',
        retryable: true,
        message: expect.stringContaining(
          `${REPOSITORY} cannot be read: it is being fetched for another push`,
        ),
      });
    expect((third as { retryAfterMs: number }).retryAfterMs).toBeGreaterThanOrEqual(patienceMs);
    expect(await patient).toBe('it was my turn');
    expect(await hasty()).toBe('it was my turn');
  });
});
