/**
 * Pushes of all kinds while processes die at random, and an audit of the world afterwards.
 *
 *   npm run test:chaos -- --minutes N --seed S [--report FILE]
 *
 * The seed decides what is pushed and what befalls which part when. Runs `slipway up` in `.slipway/chaos`, whose state is
 * purged first, and purged afterwards when everything was as it has to be.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { setUp } from '../../stack/set-up.ts';
import type { AuditedPush, Finding, Period } from './audit.ts';
import { audit, auditMachine, openWorkflows } from './audit.ts';
import { Machine } from './machine.ts';
import { renderReport } from './report.ts';
import { ChaosRepository } from './repository.ts';
import type { ChaosPush, Fault, FaultKind } from './schedule.ts';
import { makeSchedule } from './schedule.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** After the last fault: the longest back-offs and time-outs are minutes. */
const CALM_PATIENCE_MS = 15 * 60_000;
const RETRY_MS = 2_000;
const MOST_RETRY_MS = 30_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    report: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);

const began = Date.now();
const say = (text: string): void => {
  process.stdout.write(`${((Date.now() - began) / 1000).toFixed(1).padStart(7)} s  ${text}\n`);
};

/** What leaves containers without an engine for a while. */
const HURTS_ENGINE: readonly FaultKind[] = ['kill docker', 'stop docker', 'kill up', 'down and up'];

const home = join(ROOT, '.slipway', 'chaos');
const work = join(ROOT, '.slipway', 'chaos-work');
const machine = new Machine(home, join(ROOT, 'bin', 'slipway'));

async function main(): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const tools = await setUp({
    stateDirectory: home,
    env: process.env,
    signal: interrupted.signal,
    onProgress: ({ part, message }) => say(`[${part}] ${message}`),
  });
  if (!tools.temporal) throw new Error('The audit needs the Temporal CLI');
  await machine.down('--purge');
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const repositories = {
    1: await ChaosRepository.create(join(work, 'low')),
    3: await ChaosRepository.create(join(work, 'high')),
  };
  await machine.configure({
    version: 1,
    projects: Object.fromEntries(
      ([1, 3] as const).map((level) => [
        `chaos-${level}`,
        {
          trustDomain: 'chaos',
          sources: [{ repository: pathToFileURL(repositories[level].path).href, refs: { '*': level } }],
        },
      ]),
    ),
  });
  await machine.up();
  if (!machine.hasOwnEngine)
    throw new Error('Chaos kills, removes and prunes: run it where no Docker Engine runs already');
  say(`up; seed ${seed}, ${minutes} minutes`);
  const schedule = makeSchedule(seed, minutes);
  const start = Date.now();
  const at = (atMs: number): Promise<void> =>
    delay(Math.max(0, start + atMs - Date.now()), undefined, { signal: interrupted.signal });

  const withoutEngine: Period[] = [];
  const suffered: { fault: Fault; what: string }[] = [];
  const faults = sufferAll(schedule.faults, at, async (fault) => {
    say(`fault: ${fault.kind}`);
    const from = Date.now();
    const what = await machine.suffer(fault).catch((error: unknown) => `could not be done: ${String(error)}`);
    say(`fault: ${fault.kind}: ${what}`);
    suffered.push({ fault, what });
    if (HURTS_ENGINE.includes(fault.kind)) withoutEngine.push({ from, to: Date.now() });
  });
  // Waited for below; until then an interruption must not end the process before it has cleaned up.
  faults.catch(() => undefined);
  const accepted: AuditedPush[] = [];
  const pushing: Promise<void>[] = [];
  for (const push of schedule.pushes) {
    await at(push.atMs);
    const { revision, expected } = await repositories[push.level].commit(push);
    const one = pushOne(machine, repositories[push.level], push, revision, interrupted.signal).then((id) => {
      say(`push: ${push.kind}: ${id}`);
      accepted.push({ id, kind: push.kind, expected });
    });
    // It is looked at when all are made; the faults go on until then.
    one.catch((error: unknown) => say(`push: ${push.kind}: ${String(error)}`));
    pushing.push(one);
  }
  await faults;
  say('the faults are over; what was pushed shall come to its end');
  await Promise.all(pushing);
  const calmMs = await untilCalm(machine, tools.temporal, interrupted.signal);
  say(`calm after ${(calmMs / 1000).toFixed(1)} s`);

  const audited = await audit(machine.stack, accepted, { temporalCli: tools.temporal, withoutEngine });
  const findings: Finding[] = [...audited.findings];
  const { stack } = machine;
  await machine.down();
  findings.push(await auditMachine(home, stack));
  const report = renderReport({ ...audited, seed, minutes, accepted, suffered, calmMs, findings });
  process.stdout.write(`\n${report}\n`);
  if (values.report) await writeFile(values.report, report);
  const failed = findings.filter(({ wrong }) => wrong.length > 0).length;
  if (failed === 0) {
    await machine.down('--purge');
    await rm(work, { recursive: true, force: true });
  }
  process.stdout.write(`${findings.length - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

/** Faults overlap, but those of the whole stack: it is not stopped while another hand is at one of its parts. */
async function sufferAll(
  faults: readonly Fault[],
  at: (atMs: number) => Promise<void>,
  suffer: (fault: Fault) => Promise<void>,
): Promise<void> {
  let going: Promise<void>[] = [];
  for (const fault of faults) {
    await at(fault.atMs);
    const isOfAll = fault.kind === 'kill up' || fault.kind === 'down and up';
    if (isOfAll) await Promise.all(going);
    const one = suffer(fault);
    if (isOfAll) {
      await one;
      going = [];
    } else going.push(one);
  }
  await Promise.all(going);
}

/** Pushes as a person does who tries again when the server is away; cancels or runs again if that is its kind. */
async function pushOne(
  machine: Machine,
  { path }: ChaosRepository,
  { kind, salt }: ChaosPush,
  revision: string,
  signal: AbortSignal,
): Promise<string> {
  const command = ['push', path, '--rev', revision, '--ref', 'main', '--json'];
  // One that is refused, or ended without a plan, is a push all the same.
  const id = await insist(machine, command, signal, [0, 1, 2]);
  const { id: pushId } = JSON.parse(id) as { id: string };
  if (kind === 'canceled') {
    await delay(1_000 + (salt % 15_000), undefined, { signal });
    await insist(machine, ['cancel', pushId], signal);
  }
  if (kind === 'rerun') {
    await delay(salt % 30_000, undefined, { signal });
    await insist(machine, ['rerun', '--failed', pushId], signal);
  }
  return pushId;
}

async function insist(
  machine: Machine,
  command: readonly string[],
  signal: AbortSignal,
  answers: readonly number[] = [0],
): Promise<string> {
  // Each try is a process of its own: many who wait must not take the machine from what they wait for.
  for (let pauseMs = RETRY_MS; ; pauseMs = Math.min(2 * pauseMs, MOST_RETRY_MS)) {
    const { code, stdout, stderr } = await machine.slipway(...command);
    if (answers.includes(code ?? NaN) && (code === 0 || stdout !== '')) return stdout;
    // Only what passes by itself is worth another try: a stack that is being started again, a push that nobody has planned yet …
    if (code !== 3 && !/No stack runs|not been planned yet|has no tasks|has failed so far/.test(stderr))
      throw new Error(`slipway ${command.join(' ')} ended with ${code}: ${stderr}`);
    await delay(pauseMs, undefined, { signal });
  }
}

async function untilCalm(machine: Machine, cli: string, signal: AbortSignal): Promise<number> {
  const from = Date.now();
  while (Date.now() - from < CALM_PATIENCE_MS) {
    const open = await openWorkflows(machine.stack, cli).catch(() => undefined);
    if (open?.ids.length === 0) return Date.now() - from;
    if (open && (Date.now() - from) % 60_000 < 3_000) say(`${open.ids.length} workflows are open`);
    await delay(3_000, undefined, { signal });
  }
  return Date.now() - from;
}

process.exitCode = await main().catch(async (error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  await machine.down();
  return 1;
});
