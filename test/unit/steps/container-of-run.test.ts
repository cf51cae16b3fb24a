import { expect, it } from '@jest/globals';
import { reasonOfFailure } from '../../../model/pure/run-ends.ts';
import type { Plan } from '../../../model/schema/plan.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { containerOfRun } from '../../../steps/container-of-run.ts';

const PUSH = `push/demo/3/${'a'.repeat(40)}`;
const TASK = { taskId: `${PUSH.replace('push/', 'task/')}/t`, label: 't', pushId: PUSH };

it('the container of a run has the user, the device and the rights that its task asks for, and else none', () => {
  const made = (fields: string): ReturnType<typeof containerOfRun> => {
    const { config } = parseSlipwayYml(`version: 1\ntasks: { t: { image: debian${fields} } }\n`);
    const planned = { ...config!.tasks['t']!, why: 'a test' };
    const plan = { project: 'demo', level: 3, revision: 'a', ref: 'refs/heads/main' } as unknown as Plan;
    return containerOfRun({ task: TASK, run: 0 }, { name: 'n', fleet: 'f', plan, planned });
  };

  expect(made(', user: 1000, capabilities: { devices: { kvm: true } }')).toMatchObject({
    user: '1000',
    devices: ['/dev/kvm'],
    disableSeccomp: false,
    workingDirectory: '/src',
  });
  const plain = made('');
  expect([plain.user, plain.devices]).toEqual([undefined, undefined]);
});

it('a run whose machine lacks its device ends as resource-unavailable', () => {
  expect(reasonOfFailure('DeviceUnavailable', { phase: 'run', isFinal: true })).toBe('resource-unavailable');
});
