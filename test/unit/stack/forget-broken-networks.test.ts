import { access, appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { forgetBrokenNetworks } from '../../../stack/forget-broken-networks.ts';
import { temporaryDirectory } from '../../helpers/temporary-directory.ts';

const PANIC = `panic: runtime error: index out of range [0] with length 0

goroutine 1 [running]:
github.com/docker/libnetwork.(*controller).reservePools(0x55c8a545de70?)
main.main()
`;

it('removes the record of networks once when the engine died of it, and not for another death', async () => {
  await using directory = await temporaryDirectory('slipway-networks-');
  const paths = { engine: join(directory.path, 'engine'), logs: directory.path };
  const record = join(paths.engine, 'network', 'files', 'local-kv.db');
  const log = join(paths.logs, 'docker.log');
  const isThere = () =>
    access(record).then(
      () => true,
      () => false,
    );
  await mkdir(join(record, '..'), { recursive: true });
  await writeFile(record, 'half of it');

  await writeFile(log, 'level=error msg="something else"\n');
  expect(await forgetBrokenNetworks(paths)).toBe(false);
  expect(await isThere()).toBe(true);

  await appendFile(log, PANIC);
  expect(await forgetBrokenNetworks(paths)).toBe(true);
  expect(await isThere()).toBe(false);

  await writeFile(record, 'a new one');
  expect(await forgetBrokenNetworks(paths)).toBe(false);
  expect(await isThere()).toBe(true);
});
