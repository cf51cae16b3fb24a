import { describe, expect, it } from '@jest/globals';
import { isTransient, reasonOf, toStoreError } from '../../../store/s3-errors.ts';

const place = { operation: 'PutObject', bucket: 'b', key: 'k' };

function answer(status: number, name: string, message: string): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

describe('a full store', () => {
  it.each([
    ['a status of its own', answer(507, 'InsufficientStorage', 'No space left on device.')],
    [
      'a code of its own',
      answer(500, 'XMinioStorageFull', 'Storage backend has reached its minimum free drive'),
    ],
    ['the kernel’s words', answer(500, 'InternalError', 'write /data/x: no space left on device')],
    ['a quota’s words', answer(503, 'ServiceUnavailable', 'disk quota exceeded')],
  ])('is known by %s, and not waited for inside an operation', (_, error) => {
    expect(toStoreError(error, place)).toMatchObject({
      type: 'StoreOutOfSpace',
      retryable: true,
      message: expect.stringMatching(/^The store is full: PutObject failed \[bucket=b, key=k\]/),
    });
    expect(isTransient(error)).toBe(false);
    expect(reasonOf(error)).toBe('it is full');
  });

  it('is not what every 503 means', () => {
    const error = answer(503, 'SlowDown', 'Please reduce your request rate');

    expect(toStoreError(error, place)).toMatchObject({ type: 'StoreUnavailable' });
    expect(isTransient(error)).toBe(true);
  });
});

describe('a server that keeps silent', () => {
  const silence = Object.assign(new Error('the request socket timed out after 30000 ms (configured by …)'), {
    name: 'TimeoutError',
  });

  it('is told in words that are about it', () => {
    expect(toStoreError(silence, { ...place, waitedMs: 91_234 })).toMatchObject({
      type: 'StoreUnavailable',
      message: 'Store: PutObject failed [bucket=b, key=k]: no answer within 92 s',
    });
    expect(toStoreError(silence, place)).toMatchObject({
      message: 'Store: PutObject failed [bucket=b, key=k]: no answer in time',
    });
  });
});

describe('a body that is not that of its checksum', () => {
  it('is a DigestMismatch that names the object', () => {
    const error = new Error('Checksum mismatch: expected "a" but received "b" in response header "x".');

    expect(toStoreError(error, { ...place, operation: 'GetObject' })).toMatchObject({
      type: 'DigestMismatch',
      message: expect.stringContaining('Object k'),
    });
  });
});
