import { cpus, totalmem } from 'node:os';
import type { AuditedPush, Finding } from './audit.ts';
import type { Fault } from './schedule.ts';

export interface ChaosReport {
  readonly seed: number;
  readonly minutes: number;
  readonly accepted: readonly AuditedPush[];
  readonly suffered: readonly { readonly fault: Fault; readonly what: string }[];
  readonly calmMs: number;
  readonly findings: readonly Finding[];
  readonly cutUploads: number;
}

/** The report as Markdown. */
export function renderReport(report: ChaosReport): string {
  const { seed, minutes, accepted, suffered, calmMs, findings, cutUploads } = report;
  return [
    '# Chaos: the last report',
    '',
    `Written by \`npm run test:chaos -- --minutes ${minutes} --seed ${seed} --report docs/chaos.md\` on ${new Date().toISOString().slice(0, 10)},`,
    `${cpus().length} processors, ${(totalmem() / 1024 ** 3).toFixed(0)} GiB. The seed decides what is pushed and which part is hurt when.`,
    '',
    `${accepted.length} pushes, ${suffered.length} faults; all had come to their ends ${(calmMs / 1000).toFixed(0)} s after the last fault.`,
    '',
    '| pushed | times |',
    '| --- | --- |',
    ...countRows(accepted.map(({ kind }) => kind)),
    '',
    '| fault | times |',
    '| --- | --- |',
    ...countRows(suffered.map(({ fault }) => fault.kind)),
    '',
    `${cutUploads} uploads that were cut wait for the sweep. What else was looked at afterwards, from outside:`,
    '',
    '| claim | looked at | wrong |',
    '| --- | --- | --- |',
    ...findings.map(({ claim, looked, wrong }) => `| ${claim} | ${looked} | ${wrong.length} |`),
    '',
    ...findings.flatMap(({ claim, wrong }) =>
      wrong.length === 0
        ? []
        : [`Not so: ${claim}`, '', ...wrong.slice(0, 50).map((line) => `- ${line}`), ''],
    ),
  ].join('\n');
}

function countRows(kinds: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([kind, count]) => `| ${kind} | ${count} |`);
}
