import { expect, it } from '@jest/globals';
import { formatFinding } from '../../../model/findings.ts';
import { parseSlipwayYml } from '../../../plan/parse-slipway-yml.ts';
import { remarkOnDigests } from '../../../plan/remark-on-digests.ts';
import { selectTasks } from '../../../plan/select-tasks.ts';

it('names each image from outside without a digest once, where it stands first, with the tasks that run in it', () => {
  const parsed = parseSlipwayYml(`version: 1
images: { lint: { context: lint } }
defaults:
  image: node
tasks:
  a: { image: debian:bookworm }
  p: { image: "debian@sha256:${'a'.repeat(64)}" }
  in-tree: { image: { in-tree: lint } }
  b: {}
  c: { image: { type: docker-image, name: node } }
  d: {}
  e: {}
`);
  if (!parsed.config) throw new Error(JSON.stringify(parsed.findings));
  const { tasks } = selectTasks(parsed.config, { ref: 'main', level: 1 });

  expect(remarkOnDigests(tasks, { ...parsed, file: 'slipway.yml' }).map(formatFinding)).toEqual([
    'slipway.yml:6:8: warning: "debian:bookworm" has no digest, so that it need not be the same image next time; "debian:bookworm@sha256:DIGEST" is (a)',
    'slipway.yml:4:3: warning: "node" has no digest, so that it need not be the same image next time; "node@sha256:DIGEST" is (b, c, d and 1 more)',
  ]);
});
