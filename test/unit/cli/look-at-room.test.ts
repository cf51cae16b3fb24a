import { expect, it } from '@jest/globals';
import { lookAtRoom } from '../../../client/cli/doctor/look-at-room.ts';
import { startFakeEngine } from '../../helpers/fake-engine.ts';

it.each([
  [undefined, /; there is no limit but a full disk, which cannot be seen from here: .* 40 GB$/],
  ['30%', /; there is no limit but a full disk, which cannot be seen from here: .* 40 GB$/],
  ['40 GB', /; 40(?:\.0)? GB are allowed$/],
  ['none', /; there is no limit$/],
])(
  'Of an engine whose disk cannot be seen the doctor says what a budget of %s is',
  async (diskBudget, words) => {
    await using engine = await startFakeEngine();

    const [diagnosis] = await lookAtRoom({ runnerEngine: engine.address, diskBudget, fleet: 'unit' });

    expect(diagnosis?.message).toMatch(words);
  },
);
