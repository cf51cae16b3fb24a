import { describe, expect, it } from '@jest/globals';
import { tellDecision } from '../../../client/cli/tell-decision.ts';
import type { PushDocument } from '../../../model/schema/records.ts';
import { captureTerminal } from '../../helpers/captured-terminal.ts';
import { FakeApi } from '../../helpers/fake-api.ts';
import { anImage, aPush, aTask } from '../../helpers/push-documents.ts';

const RESOLVED = '2026-01-02T03:05:00.000Z';
const finding = { severity: 'error' as const, file: '--tasks', line: 1, column: 1, message: 'no task' };
const MALFORMED = aPush({
  state: 'exception',
  reason: 'malformed-plan',
  findings: [finding],
  resolved: RESOLVED,
});
const PLANNED = aPush({ decisionMs: 5, images: [anImage()], tasks: [aTask(), aTask({ label: 'docs' })] });

interface Told {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function tell(
  document: PushDocument,
  { json = false, quiet = false, round }: { json?: boolean; quiet?: boolean; round?: number } = {},
): Promise<Told> {
  const api = new FakeApi();
  api.rounds = [[document]];
  const { terminal, stdout, stderr } = captureTerminal({ quiet });
  const signal = new AbortController().signal;
  const started = { pushId: document.id, outcome: 'started', ...(round ? { round } : {}) } as const;
  const exitCode = await tellDecision(api, started, { json, terminal, signal, patienceMs: 50 });
  return { exitCode, stdout: stdout(), stderr: stderr() };
}

describe('slipway push, once it has printed the id', () => {
  it('says what was decided, aside', async () => {
    expect(await tell(PLANNED)).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'slipway: 2 tasks; to build: lint\n',
    });
    expect((await tell(PLANNED, { quiet: true })).stderr).toBe('');
  });

  it.each([false, true])(
    'exits with 2 and says every mistake of a push that was refused (quiet: %s)',
    async (quiet) => {
      expect(await tell(MALFORMED, { quiet })).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: 'slipway: nothing is run, there are mistakes:\n  --tasks:1:1: no task\n',
      });
    },
  );

  it('exits with 1 for a push that ended before it was planned', async () => {
    const detail = 'Revision x is not reachable';
    const lost = aPush({ state: 'exception', reason: 'revision-not-found', detail, resolved: RESOLVED });

    expect(await tell(lost)).toMatchObject({ exitCode: 1, stderr: `slipway: ${detail}\n` });
  });

  it('exits with 0 for one whose verdict stands, whatever that is: it was planned', async () => {
    const failed = aPush({ ...PLANNED, state: 'failed', reason: 'failed', resolved: RESOLVED });

    expect((await tell(failed)).exitCode).toBe(0);
  });

  it('waits for the plan of the round that it began, and not for long', async () => {
    const undecided = { exitCode: 0, stderr: 'slipway: it is not decided yet\n' };

    expect(await tell(aPush())).toMatchObject(undecided);
    expect(await tell(MALFORMED, { round: 2 })).toMatchObject(undecided);
  });

  it('prints one document for programs', async () => {
    const [planned, refused, undecided] = await Promise.all(
      [PLANNED, MALFORMED, aPush()].map((document) => tell(document, { json: true })),
    );

    expect(JSON.parse(planned?.stdout ?? '')).toEqual({
      id: PLANNED.id,
      outcome: 'started',
      state: 'running',
      findings: [],
    });
    expect(planned?.stderr).toBe('');
    expect(JSON.parse(refused?.stdout ?? '')).toMatchObject({
      state: 'exception',
      reason: 'malformed-plan',
      findings: [finding],
    });
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--tasks:1:1: no task') });
    expect(JSON.parse(undecided?.stdout ?? '')).toEqual({ id: PLANNED.id, outcome: 'started' });
  });
});
