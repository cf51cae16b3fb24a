import { expect, it } from '@jest/globals';
import { refreshBases } from '../../../client/cli/refresh-bases.ts';
import { captureTerminal } from '../../helpers/captured-terminal.ts';
import { FakeApi } from '../../helpers/fake-api.ts';

const base = { project: 'demo', level: 1, platform: 'linux/amd64', reference: 'debian:bookworm' } as const;

it('Refreshing a base that no worker comes to says so once, and ends when the person leaves', async () => {
  const api = new FakeApi();
  api.silent = ['builder-1'];
  api.refreshBase = (_base, signal) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  const captured = captureTerminal();
  const session = { terminal: captured.terminal, signal: AbortSignal.timeout(100) };

  await expect(refreshBases(api, [base], session, 10)).rejects.toThrow();

  const said = captured.stderr();
  expect(
    said.match(/no worker polls builder-1 \(none runs, or all are busy\), so that debian:bookworm waits/g),
  ).toHaveLength(1);
  expect(said).toContain('debian:bookworm is resolved anew all the same');
});
