import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { serverConfigSchema } from '../../../model/schema/config.ts';
import { onlyGranted, takeSecrets } from '../../../workers/secret-sources.ts';

const asker = { project: 'demo', level: 3 } as const;

describe('the secrets of a worker', () => {
  it('come from its directory, else from its variables, which are gone then', async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'slipway-secrets-'));
    await writeFile(join(directory.path, 'KEY'), 'from the file\n');
    const env: NodeJS.ProcessEnv = {
      SLIPWAY_SECRETS_DIR: directory.path,
      SLIPWAY_SECRET_KEY: 'from a variable',
      SLIPWAY_SECRET_TOKEN: 'token',
      PATH: '/bin',
    };

    const secrets = takeSecrets(env);

    expect((await secrets.find('KEY', asker))?.toString()).toBe('from the file\n');
    expect((await secrets.find('TOKEN', asker))?.toString()).toBe('token');
    expect(await secrets.find('NONE', asker)).toBeUndefined();
    expect(Object.keys(env).sort()).toEqual(['PATH', 'SLIPWAY_SECRETS_DIR']);
  });

  it('are given only for what the configuration grants, where there is one', async () => {
    const config = serverConfigSchema.parse({
      version: 1,
      projects: { demo: { sources: [], secrets: { 3: ['KEY'] } } },
    });
    const source = takeSecrets({ SLIPWAY_SECRET_KEY: 'key', SLIPWAY_SECRET_TOKEN: 'token' });
    const granted = onlyGranted(source, () => Promise.resolve(config));

    expect(await granted.find('KEY', asker)).toBeDefined();
    expect(await granted.find('KEY', { project: 'demo', level: 1 })).toBeUndefined();
    expect(await granted.find('KEY', { project: 'other', level: 3 })).toBeUndefined();
    expect(await granted.find('TOKEN', asker)).toBeUndefined();
    const anywhere = onlyGranted(source, () => Promise.resolve(undefined));
    expect(await anywhere.find('TOKEN', asker)).toBeDefined();
  });
});
