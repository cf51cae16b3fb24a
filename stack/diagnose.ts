import { readFile, statfs } from 'node:fs/promises';
import { parse } from 'yaml';
import { serverConfigSchema } from '../model/schema/config.ts';
import { diagnoseMissing } from './diagnose-missing.ts';
import { diagnoseServices } from './diagnose-services.ts';
import { diagnosed } from './diagnosis.ts';
import type { Diagnosis } from './diagnosis.ts';
import { findProgram } from './find-program.ts';
import { findStack } from './find-stack.ts';
import { isRunning } from './process-identity.ts';
import { kindOf } from './process-kind.ts';
import { readProcessRecords } from './process-records.ts';
import { runCommand } from './run-command.ts';
import { findOwner } from './stack-owner.ts';
import { statePaths } from './state-directory.ts';
import type { StatePaths } from './state-directory.ts';

export type { Diagnosis };

const LEAST_NODE = 24;
const LEAST_FREE_BYTES = 5 * 1024 ** 3;

/**
 * Looks at every part of the stack of a state directory: when it runs, whether each part really answers; when it does not,
 * whether `up` can get what it needs. Changes nothing and never throws for what it finds.
 */
export async function diagnose(options: {
  readonly stateDirectory: string;
  readonly env: NodeJS.ProcessEnv;
}): Promise<readonly Diagnosis[]> {
  const { env } = options;
  const paths = statePaths(options.stateDirectory);
  const [node, git, disk, config] = await Promise.all([
    diagnoseNode(),
    diagnoseGit(env),
    diagnoseDisk(paths),
    diagnoseConfig(env['SLIPWAY_CONFIG'] || paths.serverConfig, Boolean(env['SLIPWAY_CONFIG'])),
  ]);
  const connections = await findStack(options.stateDirectory).catch(() => undefined);
  const services = connections
    ? await diagnoseServices(connections, { paths, env })
    : await diagnoseMissing(env);
  return [
    node,
    git,
    disk,
    config,
    await diagnoseStack(paths, connections !== undefined),
    ...services,
    ...(await diagnoseWorkers(paths)),
  ];
}

async function diagnoseNode(): Promise<Diagnosis> {
  return diagnosed('node', 'Start Slipway by bin/slipway or npm run', async () => {
    if (Number(process.versions.node.split('.')[0]) < LEAST_NODE)
      throw new Error(`Node ${process.versions.node} is too old`);
    return { version: process.versions.node, where: process.execPath, message: 'runs' };
  });
}

async function diagnoseGit(env: NodeJS.ProcessEnv): Promise<Diagnosis> {
  return diagnosed('git', 'Install git', async () => {
    const where = await findProgram('git', env);
    if (!where) throw new Error('git is missing');
    const version = (await runCommand([where, '--version'])).replace(/^git version /, '').trim();
    return { version, where, message: 'is there' };
  });
}

async function diagnoseDisk({ root }: StatePaths): Promise<Diagnosis> {
  return diagnosed('disk', 'Free space, or set SLIPWAY_HOME to a directory on a larger disk', async () => {
    const found = await statfs(root).catch(() => statfs('.'));
    const freeBytes = found.bavail * found.bsize;
    const free = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`;
    if (freeBytes < LEAST_FREE_BYTES) throw new Error(`only ${free}; images need at least 5`);
    return { where: root, message: free };
  });
}

async function diagnoseConfig(path: string, isGiven: boolean): Promise<Diagnosis> {
  return diagnosed('configuration', `Mend ${path}`, async () => {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && !isGiven) return undefined;
      throw error;
    });
    if (text === undefined) return { where: path, message: 'is written by the first up' };
    const { projects } = serverConfigSchema.parse(parse(text));
    return { where: path, message: `names ${Object.keys(projects).length} projects` };
  });
}

async function diagnoseStack(paths: StatePaths, isRecorded: boolean): Promise<Diagnosis> {
  return diagnosed('stack', 'Type: slipway up (it cleans up first), or: slipway down', async () => {
    const owner = await findOwner(paths);
    if (owner)
      return { where: paths.root, message: `process ${owner.pid} ${isRecorded ? 'runs' : 'is starting'} it` };
    if (isRecorded)
      throw new Error(`the process that ran it was killed; its parts may still run (${paths.root})`);
    return { where: paths.root, message: 'does not run' };
  });
}

async function diagnoseWorkers(paths: StatePaths): Promise<readonly Diagnosis[]> {
  const records = (await readProcessRecords(paths.processes)).filter(({ name }) => kindOf(name) === 'worker');
  return Promise.all(
    records.map((record) =>
      diagnosed(record.name, `Look into ${paths.logs}/${record.name}.log`, async () => {
        if (!(await isRunning(record))) throw new Error(`process ${record.pid} has died`);
        return { where: `${paths.logs}/${record.name}.log`, message: `runs as process ${record.pid}` };
      }),
    ),
  );
}
