import { describe, expect, it } from '@jest/globals';
import { servedLevels } from '../../../client/cli/served-levels.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';

describe('servedLevels', () => {
  it('are 1 and 3, and what the configuration gives to a ref', () => {
    const config = serverConfigSchema.parse({
      version: 1,
      projects: {
        app: { sources: [{ repository: 'https://git.example/app', refs: { develop: 2, main: 3 } }] },
      },
    });

    expect(servedLevels(undefined)).toEqual([1, 3]);
    expect(servedLevels(serverConfigSchema.parse({ version: 1 }))).toEqual([1, 3]);
    expect(servedLevels(config)).toEqual([1, 2, 3]);
  });
});
