import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { pino } from 'pino';
import { grantsDind } from '../../../model/schema/config.ts';
import { createDindClaims } from '../../../workers/dind-claims.ts';
import { readServerConfig } from '../../../workers/server-config.ts';
import { scratchDirectory } from '../../helpers/git-repository.ts';

const GRANTS = 'version: 1\nprojects: { demo: { sources: [], capabilities: { 1: [dind] } } }\n';

it('a mistake in the configuration ends no worker: it is told once, and what is granted when it is mended is served', async () => {
  using scratch = scratchDirectory();
  const path = join(scratch.path, 'slipway.config.yml');
  const save = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  let looks = 0;
  const warnings: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
  const severalLooks = async (): Promise<void> => {
    const from = looks;
    while (looks < from + 4) await delay(5);
  };
  save('version: 1\nprojects: [');

  const claims = await createDindClaims({
    serves: 'granted',
    isGranted: async () => {
      looks += 1;
      return grantsDind(await readServerConfig(path), 1);
    },
    create: () => Promise.reject(new Error('served')),
    logger,
    lookAgainMs: 10,
  });
  const running = claims.run();
  running.catch(() => undefined);
  await severalLooks();
  expect(warnings).toHaveLength(1);
  save('version: 2\n');
  await severalLooks();
  expect(warnings).toHaveLength(2);
  save(GRANTS.replace('[dind]', '[]'));
  await severalLooks();
  expect(warnings).toHaveLength(2);
  save(GRANTS);

  await expect(running).rejects.toThrow('served');
});
