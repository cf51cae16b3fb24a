import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { Bucket } from './bucket.ts';
import type { Stack } from './machine.ts';
import type { RunRecord } from './records.ts';
import { describeRuns, detailOf, recordSchema, verdictSchema } from './records.ts';
import type { Expected } from './repository.ts';

const exec = promisify(execFile);

/** One thing that has to be so, and every place where it is not. */
export interface Finding {
  readonly claim: string;
  /** How many things were looked at. */
  readonly looked: number;
  readonly wrong: readonly string[];
}

export interface Audit {
  readonly findings: readonly Finding[];
  /** What sendings that were cut have left: objects under `uploads/` and multipart uploads, which are swept after a day. */
  readonly cutUploads: number;
}

/** The keys that there may be; a probe is left by a worker that was killed at its start, and goes at the next. */
const LAYOUT =
  /^(blobs\/(sha256|leases)\/[0-9a-f]{64}$|uploads\/|level-[123]\/(index|layers|holders|tasks|pushes|pushes-by-day|open-pushes)\/|level-[123]\/(probe|platform\.json)$)/;

export interface AuditedPush {
  readonly id: string;
  readonly kind: string;
  readonly expected: Expected;
}

/** From when to when something was hurt, as `Date.now` tells. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/** How long an engine takes at most until it follows its containers again. */
const ENGINE_BACK_MS = 30_000;

function wasWithoutEngine({ started, resolved }: RunRecord, periods: readonly Period[]): boolean {
  const [begun, ended] = [Date.parse(started ?? ''), Date.parse(resolved ?? '')];
  return periods.some(({ from, to }) => from <= ended && to + ENGINE_BACK_MS >= begun);
}

/**
 * Looks at the world after the faults, with the tools that everybody has: the bucket as objects, Temporal and the engine by
 * their own clients, the machine by /proc. Knows the documented layout of the store and shares no code with Slipway.
 */
export async function audit(
  stack: Stack,
  pushes: readonly AuditedPush[],
  { temporalCli, withoutEngine }: { readonly temporalCli: string; readonly withoutEngine: readonly Period[] },
): Promise<Audit> {
  const bucket = await Bucket.read(stack.store);
  const records = bucket.json(/^level-\d\/tasks\/.*\/status\.json$/, recordSchema);
  const byTask = new Map(records.map((record) => [record.taskId, record]));
  const findings: Finding[] = [];
  const check = <T>(claim: string, things: readonly T[], wrong: (thing: T) => readonly string[]): void => {
    findings.push({ claim, looked: things.length, wrong: things.flatMap(wrong) });
  };

  const verdicts = new Map(
    bucket
      .json(/^level-\d\/pushes\/.*\/status\.json$/, verdictSchema)
      .map((verdict) => [verdict.id, verdict]),
  );
  check(
    'every push that was accepted has the verdict that it has to have',
    pushes,
    ({ id, kind, expected }) => {
      const verdict = verdicts.get(id);
      const { state, reason } = verdict ?? { state: 'absent', reason: undefined };
      return expected.push.includes(`${state}/${reason}`)
        ? []
        : [`${id} (${kind}): ${state}/${reason}${detailOf(verdict)}`];
    },
  );
  const tasks = pushes.flatMap(({ id, kind, expected }) =>
    Object.entries(expected.tasks ?? {}).map(([label, end]) => ({
      id: `${id.replace(/^push/, 'task')}/${label}`,
      kind,
      end,
      lines: expected.lines[label],
      runs: expected.runs[label] ?? 0,
      artifacts: expected.artifacts[label] ?? {},
    })),
  );
  check('every task of it ended as it has to', tasks, ({ id, kind, end }) => {
    const record = byTask.get(id);
    const got = record ? `${record.state}/${record.reason}` : 'no record';
    return got === end ? [] : [`${id} (${kind}): ${got}${detailOf(record)}, runs ${describeRuns(record)}`];
  });
  check(
    'every task that was to run again did',
    tasks.filter(({ runs }) => runs > 0),
    ({ id, kind, runs }) => {
      const record = byTask.get(id);
      return (record?.runs.length ?? 0) >= runs ? [] : [`${id} (${kind}): runs ${describeRuns(record)}`];
    },
  );
  check(
    'every record is resolved, its runs numbered from 0 without a gap, each of them ended',
    records,
    (record) => {
      const numbered = record.runs.every(({ run }, i) => run === i);
      const ended = [record, ...record.runs].every(({ state }) =>
        /^(completed|failed|exception)$/.test(state),
      );
      return numbered && ended ? [] : [`${record.taskId}: ${record.state}, runs ${describeRuns(record)}`];
    },
  );
  const runs = records.flatMap((record) => record.runs.map((run) => ({ record, run })));
  check('every run has its log, with the end in it', runs, ({ record, run }) => {
    const log = bucket.artifact(record.taskId, run.run, 'public/logs/live.log')?.toString();
    const name = `${record.taskId} run ${run.run}`;
    if (log === undefined) return [`${name}: no log`];
    return log.includes(run.reason ?? '?') || /Image .*: (built|reused)/.test(log)
      ? []
      : [`${name}: its log does not say ${run.reason}`];
  });
  check('no chunk of a log is left beside the whole', bucket.keys(/\/runs\/\d+\/log\//), (key) => [key]);
  check(
    'every line of a task stands in its log once and in order, but for the last ones of a command that ended while its engine was dead',
    tasks.filter(({ lines }) => lines),
    ({ id, lines = [] }) => {
      const record = byTask.get(id)?.runs.at(-1);
      const run = record?.run ?? 0;
      const log = bucket.artifact(id, run, 'public/logs/live.log')?.toString() ?? '';
      const own = log.split('\n').filter((line) => line !== '' && !line.startsWith('[slipway'));
      // What a container writes while its engine is dead the engine does not keep: its last lines may lack, and no other.
      const isCut = record !== undefined && wasWithoutEngine(record, withoutEngine);
      const expected = isCut ? lines.slice(0, own.length) : lines;
      return JSON.stringify(own) === JSON.stringify(expected)
        ? []
        : [`${id} run ${run}: ${JSON.stringify(own)}`];
    },
  );
  check(
    'every artifact has the bytes that its task made',
    tasks.flatMap(({ id, artifacts }) =>
      Object.entries(artifacts).map(([name, text]) => ({ id, name, text })),
    ),
    ({ id, name, text }) => {
      const got = bucket.artifact(id, byTask.get(id)?.runs.at(-1)?.run ?? 0, name)?.toString();
      return got === text ? [] : [`${id} ${name}: ${JSON.stringify(got)}`];
    },
  );
  check(
    'every artifact that a record names is there, with its size and digest',
    runs.flatMap(({ record, run }) => run.artifacts.map((artifact) => ({ record, run, artifact }))),
    ({ record, run, artifact }) => {
      const bytes = bucket.artifact(record.taskId, run.run, artifact.name);
      const right = bytes?.length === artifact.sizeBytes && sha256(bytes) === artifact.sha256;
      // The image's tarball is a view, made when it is read.
      return right || artifact.name === 'public/image.tar'
        ? []
        : [`${record.taskId} run ${run.run} ${artifact.name}`];
    },
  );
  check('every blob is what its name says', bucket.keys(/^blobs\/sha256\//), (key) => {
    const digest = sha256(bucket.bytes(key));
    return key.endsWith(digest) ? [] : [`${key} has ${digest}`];
  });
  check(
    'every image, base and cache mount of the index is whole',
    bucket.keys(/^level-\d\/index\/.*\/(images|bases|mounts)\//),
    (key) => {
      const { manifestDigest } = z
        .object({ manifestDigest: z.string() })
        .parse(JSON.parse(bucket.bytes(key).toString()));
      const manifest = bucket.blob(manifestDigest)?.toString();
      if (manifest === undefined) return [`${key}: no manifest ${manifestDigest}`];
      const missing = (manifest.match(/sha256:[0-9a-f]{64}/g) ?? []).filter((digest) => !bucket.blob(digest));
      return missing.map((digest) => `${key}: no ${digest}`);
    },
  );
  check(
    'no content was built twice',
    records.filter(({ taskId }) => taskId.startsWith('image/')),
    (record) => {
      const built = record.runs.filter(({ state }) => state === 'completed').length;
      return built <= 1 ? [] : [`${record.taskId}: ${describeRuns(record)}`];
    },
  );
  const open = await openWorkflows(stack, temporalCli);
  findings.push({ claim: 'no push, image or task is open in Temporal', looked: open.seen, wrong: open.ids });
  const left = await leftInEngine(stack);
  findings.push({
    claim: 'no container, network or volume of a task is left in the engine',
    looked: left.seen,
    wrong: left.names,
  });
  check('every object lies where the layout has it', bucket.keys(/^/), (key) =>
    LAYOUT.test(key) ? [] : [key],
  );
  check('no push is in the list of those that are open', bucket.keys(/^level-\d\/open-pushes\//), (key) => [
    key,
  ]);
  return { findings, cutUploads: bucket.keys(/^uploads\//).length + bucket.unfinishedUploads };
}

/** After `down`: no process, mount, bridge or firewall rule of the installation is left on the machine. */
export async function auditMachine(home: string, stack: Stack): Promise<Finding> {
  const places = [home, stack.runtimeDirectory];
  const names = (text: string): boolean => places.some((place) => text.includes(place));
  const wrong: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    // Whoever reads our own log or runs the audit is not of the installation.
    if (names(args) || names(cwd)) wrong.push(`process ${pid}: ${args}`);
  }
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').filter(names);
  wrong.push(...mounts.map((mount) => `mount ${mount}`));
  const short = stack.runtimeDirectory.split('-').at(-1) ?? '?';
  const links = (await exec('ip', ['-o', 'link'])).stdout.split('\n').filter((line) => line.includes(short));
  wrong.push(...links.map((link) => `link ${link}`));
  const rules = (await exec('iptables-save')).stdout.split('\n').filter((line) => line.includes(short));
  wrong.push(...rules.map((rule) => `rule ${rule}`));
  return { claim: 'after down nothing of it is left on the machine', looked: 1, wrong };
}

function sha256(bytes: Buffer | undefined): string {
  return createHash('sha256')
    .update(bytes ?? '')
    .digest('hex');
}

export async function openWorkflows(
  { temporal }: Stack,
  cli: string,
): Promise<{ seen: number; ids: string[] }> {
  const list = async (query: string): Promise<string[]> => {
    const args = ['workflow', 'list', '--address', temporal.address, '--namespace', temporal.namespace];
    const { stdout } = await exec(cli, [...args, '--query', query, '--limit', '10000', '--output', 'json'], {
      maxBuffer: 256 * 1024 * 1024,
    });
    const found = z
      .array(z.object({ execution: z.object({ workflowId: z.string() }) }))
      .parse(JSON.parse(stdout || '[]') ?? []);
    return found.map(({ execution }) => execution.workflowId).filter((id) => /^(push|image|task)\//.test(id));
  };
  return {
    seen: (await list("ExecutionStatus != 'Running'")).length,
    ids: await list("ExecutionStatus = 'Running'"),
  };
}

async function leftInEngine({ fleet, runnerEngine }: Stack): Promise<{ seen: number; names: string[] }> {
  const env = { ...process.env, DOCKER_HOST: runnerEngine };
  const list = async (...args: string[]): Promise<string[]> =>
    (await exec('docker', [...args, '--filter', `label=slipway.fleet=${fleet}`], { env })).stdout
      .split('\n')
      .filter((line) => line !== '');
  const containers = await list(
    'ps',
    '--all',
    '--format',
    '{{.Names}} {{.Label "slipway.kind"}} {{.Status}}',
  );
  const networks = await list('network', 'ls', '--format', '{{.Name}} {{.Label "slipway.kind"}}');
  const volumes = await list('volume', 'ls', '--format', '{{.Name}} {{.Label "slipway.kind"}}');
  const all = [...containers, ...networks, ...volumes];
  // What outlasts a run on purpose: builders, and the caches of tasks.
  return { seen: all.length, names: all.filter((line) => !/ (sidecar|cache|cache-note)\b/.test(line)) };
}
