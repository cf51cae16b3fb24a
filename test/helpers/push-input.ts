import type { PushInput } from '../../model/pure/payloads.ts';

/** What starts a push of a local repository, with what a test is about. */
export function aPushInput(over: Partial<PushInput> = {}): PushInput {
  return {
    project: 'demo',
    level: 1,
    repository: 'file:///srv/demo.git',
    ref: 'refs/heads/main',
    revision: 'a'.repeat(40),
    request: {},
    pushedBy: 'somebody',
    received: '2026-01-01T00:00:00.000Z',
    ...over,
  };
}
