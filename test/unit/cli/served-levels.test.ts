import { describe, expect, it } from '@jest/globals';
import { pushedLevels, servedLevels } from '../../../client/cli/served-levels.ts';
import { serverConfigSchema } from '../../../model/schema/config.ts';

const config = serverConfigSchema.parse({
  version: 1,
  projects: {
    app: { sources: [{ repository: 'https://git.example/app', refs: { develop: 2, main: 3 } }] },
  },
});

describe('servedLevels', () => {
  it('are 1 and 3, and what the configuration gives to a ref', () => {
    expect(servedLevels(undefined)).toEqual([1, 3]);
    expect(servedLevels(serverConfigSchema.parse({ version: 1 }))).toEqual([1, 3]);
    expect(servedLevels(config)).toEqual([1, 2, 3]);
  });
});

describe('pushedLevels', () => {
  it('are what the configuration gives to a ref, and that of local repositories unless they are nobody', () => {
    expect(pushedLevels(undefined)).toEqual([1]);
    expect(pushedLevels(config)).toEqual([1, 2, 3]);
    expect(pushedLevels({ ...config, localProjects: false })).toEqual([2, 3]);
    expect(pushedLevels({ ...config, localProjects: false, projects: {} })).toEqual([]);
  });
});
