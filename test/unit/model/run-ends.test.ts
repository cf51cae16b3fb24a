import { describe, expect, it } from '@jest/globals';
import { pauseAfterRuns, reasonOfFailure, verdictOf } from '../../../model/pure/run-ends.ts';
import type { RunPhase } from '../../../model/pure/run-ends.ts';

describe('how a run ends', () => {
  it.each<[string | undefined, RunPhase, boolean, string]>([
    ['ImageUnavailable', 'load', true, 'resource-unavailable'],
    ['PathUnusable', 'run', true, 'malformed-payload'],
    ['RevisionNotFound', 'run', true, 'resource-unavailable'],
    ['RepositoryUnavailable', 'run', false, 'worker-lost'],
    ['EngineRequestFailed', 'load', false, 'worker-lost'],
    ['ContainerLost', 'run', false, 'worker-lost'],
    ['VersionTooOld', 'load', true, 'worker-lost'],
    ['Timeout:START_TO_CLOSE', 'run', false, 'worker-lost'],
    ['EngineRequestFailed', 'run', true, 'internal-error'],
    ['EngineRequestFailed', 'run', false, 'worker-lost'],
    ['EngineRequestFailed', 'save', true, 'upload-failed'],
    ['StoreUnavailable', 'run', false, 'worker-lost'],
    ['StoreUnavailable', 'save', false, 'upload-failed'],
    [undefined, 'run', true, 'internal-error'],
    [undefined, 'save', true, 'upload-failed'],
  ])('by %p in phase %s (final: %p) is %s', (type, phase, isFinal, reason) => {
    expect(reasonOfFailure(type, { phase, isFinal })).toBe(reason);
  });

  it('with a required artifact missing is no success, and names it', () => {
    const result = { reason: 'completed', prepareMs: 1, runMs: 1 } as const;
    const saved = {
      artifacts: [],
      missing: [{ name: 'public/x', found: 'absent' }],
      uploadMs: 1,
      bytesUploaded: 0,
    };

    expect(verdictOf(result, saved)).toEqual({
      reason: 'artifact-missing',
      detail: 'missing: public/x (absent)',
    });
    expect(verdictOf({ ...result, reason: 'failed', detail: 'exit code 2' }, saved)).toEqual({
      reason: 'failed',
      detail: 'exit code 2',
    });
    expect(verdictOf(result, { ...saved, missing: [] })).toEqual({ reason: 'completed' });
  });

  it('names of thousands of missing artifacts the first: what is recorded has to fit into one message', () => {
    const missing = Array.from({ length: 5_000 }, (_, i) => ({ name: `public/${i}`, found: 'absent' }));

    const { detail } = verdictOf(
      { reason: 'completed', prepareMs: 1, runMs: 1 },
      { artifacts: [], missing, uploadMs: 1, bytesUploaded: 0 },
    );

    expect(detail).toMatch(/^missing: public\/0 \(absent\), .*…$/);
    expect(detail).toHaveLength(2_000);
  });

  it('lets the next one wait twice as long each time, a minute at most', () => {
    expect([1, 2, 3, 10].map(pauseAfterRuns)).toEqual([2_000, 4_000, 8_000, 60_000]);
  });
});
