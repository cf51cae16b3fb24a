import { describe, expect, it } from '@jest/globals';
import { asRegistryError, isFinalAnswer } from '../../../docker/images/registry-answer.ts';

describe('the answer of a registry', () => {
  it.each<[number | undefined, string]>([
    [404, 'manifest for demo/none:1 not found: manifest unknown: manifest unknown'],
    [404, "pull access denied for none, repository does not exist or may require 'docker login'"],
    // A tag may end in a number that looks like a status.
    [404, 'manifest for demo/app:512 not found: manifest unknown: manifest unknown'],
    [404, 'manifest for demo/app:build-503 not found: manifest unknown'],
    [400, 'invalid reference format'],
    [403, 'forbidden'],
    // Of a registry that tells no detail.
    [500, 'manifest unknown'],
    [500, 'unauthorized: authentication required'],
    [500, 'Get "https://registry.example/v2/": no basic auth credentials'],
    [500, 'failed to authorize: unexpected status from GET request to https://x/token: 403 Forbidden'],
    [500, 'Get "https://registry.example/v2/": tls: failed to verify certificate: x509: unknown authority'],
    [500, 'Get "https://localhost:5001/v2/": http: server gave HTTP response to HTTPS client'],
    // A mistyped name: nobody waits minutes to hear of it.
    [500, 'Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host'],
    [undefined, 'manifest unknown'],
    [undefined, 'registry.example/demo/none:1: not found'],
    [undefined, 'no matching manifest for linux/arm64 in the manifest list entries'],
  ])('with %p and "%s" stays so', (status, words) => {
    expect(isFinalAnswer(status, words)).toBe(true);
  });

  it.each<[number | undefined, string]>([
    [500, 'received unexpected HTTP status: 503 Service Unavailable'],
    [500, 'toomanyrequests: You have reached your unauthenticated pull rate limit'],
    [404, 'toomanyrequests: the rate of requests was denied'],
    [undefined, 'error from registry: 502 Bad Gateway: upstream not found'],
    [500, 'Get "https://registry.example/v2/": context deadline exceeded'],
    [
      500,
      'Get "https://registry.example/v2/": dial tcp: lookup registry.example: Temporary failure in name resolution',
    ],
    [500, 'manifest for demo/none:1 not found'],
    [undefined, 'failed to register layer: open /var/lib/docker/x: permission denied'],
    [undefined, 'unexpected EOF'],
  ])('with %p and "%s" may be another one next time', (status, words) => {
    expect(isFinalAnswer(status, words)).toBe(false);
  });

  const login = { advice: 'log in', clean: (error: unknown) => error };
  const operation = { reference: 'demo/app:1', address: 'unix:///x', doing: 'pull image demo/app:1', login };
  const answer = (statusCode: number, message: string): unknown =>
    asRegistryError(Object.assign(new Error(message), { statusCode }), operation);

  it.each<[number, string]>([
    [401, 'no'],
    [403, 'forbidden'],
    [500, 'unauthorized: authentication required'],
    [404, "pull access denied for none, repository does not exist or may require 'docker login'"],
  ])('with %p and "%s" says what helps', (status, words) => {
    expect(answer(status, words)).toMatchObject({
      type: 'ImageUnavailable',
      message: `Image "demo/app:1" cannot be used: ${words}; log in`,
    });
  });

  it('says nothing of a login where there is no such image', () => {
    expect(answer(404, 'manifest unknown')).toMatchObject({
      message: 'Image "demo/app:1" cannot be used: manifest unknown',
    });
  });

  it('is tried again when it is trouble, whatever status the engine gives it', () => {
    expect(answer(404, 'toomanyrequests: the rate of requests was denied')).toMatchObject({
      type: 'EngineRequestFailed',
      retryable: true,
    });
    expect(answer(404, 'manifest unknown')).toMatchObject({ type: 'ImageUnavailable', retryable: false });
  });
});
