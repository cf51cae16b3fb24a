import { describe, expect, it } from '@jest/globals';
import { dockerAt } from '../../../docker/client.ts';
import { parseReference } from '../../../docker/images/image-reference.ts';
import { planSidecar } from '../../../docker/sidecar/sidecar-config.ts';

describe('a reference', () => {
  it.each([
    ['debian', { repository: 'debian' }],
    ['debian:bookworm', { repository: 'debian', tag: 'bookworm' }],
    ['127.0.0.1:5000/a/b', { repository: '127.0.0.1:5000/a/b' }],
    ['127.0.0.1:5000/a/b:c', { repository: '127.0.0.1:5000/a/b', tag: 'c' }],
    ['a/b@sha256:12', { repository: 'a/b', digest: 'sha256:12' }],
    ['a/b:c@sha256:12', { repository: 'a/b', tag: 'c', digest: 'sha256:12' }],
  ])('%s is taken apart', (reference, parts) => {
    expect(parseReference(reference)).toEqual(parts);
  });
});

describe('the address of an engine', () => {
  it.each(['unix:///run/docker.sock', 'tcp://127.0.0.1:2375'])('%s is understood', (address) => {
    expect(() => dockerAt(address)).not.toThrow();
  });
  it.each(['', '/run/docker.sock', 'unix://', 'tcp://host', 'ssh://host', 'http://host:1'])(
    '%s is refused',
    (address) => {
      expect(() => dockerAt(address)).toThrow('expected unix:///path or tcp://host:port');
    },
  );
});

describe('the name of a sidecar', () => {
  const options = {
    host: 'unix:///e',
    fleet: 'abc',
    domain: 'demo',
    level: 1,
    image: 'i',
    runtimeDirectory: '/run/s',
    signal: new AbortController().signal,
  } as const;

  it('is the same for the same engine, fleet, domain, level and builder, and another for any other', () => {
    const names = [
      options,
      { ...options, fleet: 'abd' },
      { ...options, level: 3 as const },
      { ...options, domain: 'demo~pr1' },
      { ...options, domain: 'demo-pr1' },
      { ...options, host: 'unix:///other' },
      { ...options, seat: 1 },
    ].map((each) => planSidecar(each));
    expect(new Set(names.map(({ name }) => name)).size).toBe(7);
    expect(new Set(names.map(({ directory }) => directory)).size).toBe(7);
    for (const { name } of names) expect(name).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/);
    expect(planSidecar({ ...options, image: 'other' })).toEqual(planSidecar(options));
  });

  it('is refused where its sockets could not be bound', () => {
    expect(() => planSidecar({ ...options, runtimeDirectory: `/${'x'.repeat(90)}` })).toThrow('107 bytes');
  });
});
