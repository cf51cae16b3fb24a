import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { sidecarEngineVersion, sidecarImageTag } from '../../../docker/sidecar/sidecar-image.ts';
import { bucketPolicy } from '../../../store/bucket-policy.ts';
import { documentedWorker, OPERATE_PAGE, shellBlocks } from '../../helpers/operate-page.ts';

describe('docs/operate.md', () => {
  it('has the policy of the bucket as the code makes it', async () => {
    const page = await readFile(OPERATE_PAGE, 'utf8');
    const [, text = ''] = /^```json\n([\s\S]*?)^```$/m.exec(page) ?? [];
    const levels = { 1: 'level-1-workers', 2: 'level-2-workers', 3: 'level-3-workers' };

    expect(z.unknown().parse(JSON.parse(text))).toEqual(
      bucketPolicy('slipway', { client: 'slipway-client', levels }),
    );
  });

  it('names the image of the sidecar that the code makes', async () => {
    expect((await shellBlocks()).join('\n')).toContain(`SLIPWAY_SIDECAR_IMAGE=${sidecarImageTag()}`);
    expect(await readFile(OPERATE_PAGE, 'utf8')).toContain(`\nFROM ${sidecarImageTag()}\n`);
  });

  it('says, as the other pages do, which engine that has', async () => {
    for (const [page, words] of [
      ['operate.md', 'private engines of tasks run Docker Engine VERSION,'],
      ['slipway-yml.md', 'version VERSION, or [what'],
      ['from-taskcluster.md', 'by default VERSION]'],
    ] as const) {
      const text = await readFile(new URL(page, OPERATE_PAGE), 'utf8');
      expect([page, text]).toEqual([
        page,
        expect.stringContaining(words.replace('VERSION', sidecarEngineVersion())),
      ]);
    }
  });

  it('says for each kind of worker what to type', async () => {
    for (const kind of ['control', 'builder', 'runner']) {
      const { variables, arguments: args } = await documentedWorker(kind);
      expect(variables).toContain('TEMPORAL_ADDRESS');
      expect(args.slice(0, 2)).toEqual(['--level', '1']);
    }
  });

  it('names only variables that the code reads', async () => {
    const blocks = (await shellBlocks()).join('\n');
    const names = [...blocks.matchAll(/^export (\w+)=/gm)].map(([, name = '']) => name);
    const code = await Promise.all(
      [
        'workers/connections.ts',
        'workers/metrics-address.ts',
        'workers/secret-sources.ts',
        'model/schema/connections.ts',
        'model/server-config-path.ts',
      ].map((path) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8')),
    );
    const unread = names.filter(
      (name) => !code.join('\n').includes(name.replace(/^(SLIPWAY_NAMESPACE|SLIPWAY_SECRET)_\w+$/, '$1_')),
    );
    expect(unread).toEqual([]);
  });
});
