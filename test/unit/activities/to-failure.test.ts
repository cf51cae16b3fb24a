import {
  ApplicationFailure,
  CancelledFailure,
  DefaultFailureConverter,
  defaultPayloadConverter,
} from '@temporalio/common';
import { describe, expect, it } from '@jest/globals';
import { toFailure } from '../../../activities/to-failure.ts';
import { RepositoryBusy } from '../../../source/turns.ts';
import {
  BlobNotFound,
  EngineOutOfNetworks,
  EngineRequestFailed,
  EngineUnavailable,
  RepositoryUnavailable,
  StoreUnavailable,
} from '../../../model/errors.ts';

describe('the failure of an activity', () => {
  const enough = { isEnough: true };

  it.each<[string, Error, boolean]>([
    ['an engine that is away', new EngineUnavailable('unix:///x', 'refused'), false],
    ['an engine without a free network', new EngineOutOfNetworks('all are taken'), false],
    ['a store that is away', new StoreUnavailable('put', 'bucket', 'key', 'refused'), false],
    ['trouble inside an engine', new EngineRequestFailed('tag', 500, 'oops'), true],
    ['an error that nobody knows', new TypeError('oops'), true],
  ])('of %s: whether the last of many attempts is final', (_what, error, isFinal) => {
    expect(toFailure(error, enough)).toMatchObject({ nonRetryable: isFinal, message: error.message });
    expect(toFailure(error)).not.toMatchObject({ nonRetryable: true });
  });

  it('keeps its type and the digest of what is damaged, and what never passes is final at once', () => {
    const refused = toFailure(new EngineRequestFailed('tag', 404, 'no such image'));
    expect(refused).toMatchObject({ type: 'EngineRequestFailed', nonRetryable: true });
    const missing = new BlobNotFound(`sha256:${'0'.repeat(64)}`);
    expect(toFailure(missing)).toMatchObject({ type: 'BlobNotFound', details: [missing.digest] });
  });

  it('says when it is worth another attempt, where the error does', () => {
    const busy = new RepositoryBusy('/r', 20_000);

    expect(toFailure(busy)).toMatchObject({ nonRetryable: false, nextRetryDelay: 20_000 });
    expect(toFailure(new RepositoryUnavailable('/r', 'away'))).not.toHaveProperty(
      'nextRetryDelay',
      expect.anything(),
    );
  });

  it('has the beginnings of long texts, its own and those of what it comes of: a server refuses too much', () => {
    const long = 'x'.repeat(3_000_000);
    const cause = new TypeError(`it is odd: ${long}`, { cause: new Error(`at the bottom: ${long}`) });

    for (const error of [new EngineRequestFailed('tag', 500, long, { cause }), cause]) {
      const failure = toFailure(error) as ApplicationFailure;
      const encoded = new DefaultFailureConverter().errorToFailure(failure, defaultPayloadConverter);

      expect(failure.message).toBe(`${error.message.slice(0, 1_999)}…`);
      expect(failure.type).toBe(error === cause ? 'TypeError' : 'EngineRequestFailed');
      expect(JSON.stringify(encoded).length).toBeLessThan(100_000);
      expect(JSON.stringify(encoded)).toContain('at the bottom: xxx');
      expect(failure.stack).toContain('to-failure.test.ts');
    }
  });

  it("is Temporal's own where it is already", () => {
    for (const failure of [new CancelledFailure('cancelled'), ApplicationFailure.retryable('again', 'X')])
      expect(toFailure(failure, enough)).toBe(failure);
  });
});
