import { describe, expect, it } from '@jest/globals';
import { describeEnd } from '../../../client/cli/render/local-run-text.ts';
import type { RecordRunInput } from '../../../model/pure/payloads.ts';

const ENDED = {
  task: { label: 'unit' },
  run: 2,
  state: 'failed',
  reason: 'failed',
  final: true,
} as RecordRunInput;
const artifact = (name: string) => ({ name, sizeBytes: 1500, sha256: 'a'.repeat(64), contentType: 'x/y' });

describe('the end of a run on this machine', () => {
  it('is told with its artifacts and where they are', () => {
    const artifacts = ['public/logs/live.log', 'public/o\u001but'].map(artifact);
    const saved = { artifacts, missing: [], uploadMs: 1, bytesUploaded: 3000 };

    expect(describeEnd({ ...ENDED, saved }, '/runs/2/')).toEqual([
      'unit: failed (run 2); 1 artifact and its log in /runs/2/',
      '  public/o\\u001but (1.5 kB)',
    ]);
  });

  it('is told with its reason, where the state does not say it', () => {
    expect(describeEnd({ ...ENDED, reason: 'artifact-missing' }, '/runs/2/')).toEqual([
      'unit: failed/artifact-missing (run 2); its log in /runs/2/',
    ]);
  });
});
