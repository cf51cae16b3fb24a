import { describe, expect, it } from '@jest/globals';
import { tellDecision } from '../../../client/cli/tell-decision.ts';
import type { StartedPush } from '../../../client/api.ts';
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

async function* broken(message: string): AsyncGenerator<PushDocument> {
  await Promise.reject(new Error(message));
}

async function* silent(): AsyncGenerator<PushDocument> {
  await new Promise(() => undefined);
}

interface Told {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function tell(
  document: PushDocument,
  {
    json = false,
    quiet = false,
    round,
    outcome = 'started',
    follow,
  }: {
    json?: boolean;
    quiet?: boolean;
    round?: number;
    outcome?: StartedPush['outcome'];
    follow?: FakeApi['follow'];
  } = {},
): Promise<Told> {
  const api = new FakeApi();
  api.rounds = [[document]];
  if (follow) api.follow = follow;
  const { terminal, stdout, stderr } = captureTerminal({ quiet });
  const signal = new AbortController().signal;
  const started = { pushId: document.id, outcome, ...(round ? { round } : {}) };
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

  it('says the verdict of a push that is resolved already, and of nothing that it is to be built', async () => {
    const failed = aPush({ ...PLANNED, state: 'failed', reason: 'failed', resolved: RESOLVED });
    const words = 'slipway: this push is resolved already: failed; --again opens a new round\n';

    expect(await tell(failed, { outcome: 'resolved' })).toEqual({ exitCode: 0, stdout: '', stderr: words });
    expect(await tell(failed, { outcome: 'resolved', json: true })).toMatchObject({
      exitCode: 0,
      stderr: words,
    });
    expect(await tell(MALFORMED, { outcome: 'resolved' })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--tasks:1:1: no task'),
    });
  });

  it('is no error when its plan cannot be read: the push is started, and its id is told', async () => {
    const follow: FakeApi['follow'] = () => broken('The store says no');
    const stderr = 'slipway: its plan is not known yet: The store says no\n';

    expect(await tell(PLANNED, { follow })).toEqual({ exitCode: 0, stdout: '', stderr });
    const { stdout, ...told } = await tell(PLANNED, { follow, json: true });
    expect(told).toEqual({ exitCode: 0, stderr });
    expect(JSON.parse(stdout)).toEqual({ id: PLANNED.id, outcome: 'started' });
  });

  it('lets go of a server that keeps silent', async () => {
    const follow: FakeApi['follow'] = () => silent();

    expect(await tell(PLANNED, { follow })).toMatchObject({
      exitCode: 0,
      stderr: 'slipway: it is not decided yet\n',
    });
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
