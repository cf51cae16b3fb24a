import type { Diagnosis } from '../../model/schema/diagnosis.ts';
import { answers } from '../download.ts';
import { findProgram } from '../find-program.ts';
import { findTool } from '../tool.ts';
import type { Tool } from '../tool.ts';
import { releaseFor } from '../tool-release.ts';
import { diagnosed } from './diagnosed.ts';
import type { Finding } from './diagnosed.ts';

const TIMEOUT_MS = 5_000;

/** Where a tool is that runs here, or how `up` gets it: downloaded from a server that answers, else built with Go. */
export function lookForTool(tool: Tool, env: NodeJS.ProcessEnv): Promise<Diagnosis> {
  return diagnosed(tool.part, tool.otherwise, async (): Promise<Finding> => {
    const where = await findTool(tool, { env, signal: AbortSignal.timeout(15_000) });
    const version = where?.includes(tool.version) ? tool.version : undefined;
    if (where) return { version, where, message: `${tool.title} is there; up starts it` };
    const release = releaseFor(tool.release, { platform: process.platform, arch: process.arch }, env);
    if (release && (await answers(release.url, { env, signal: AbortSignal.timeout(TIMEOUT_MS) })))
      return { where: release.url, message: `up downloads ${tool.title} ${tool.version}` };
    const go = await findProgram('go', env);
    if (go)
      return { where: go, message: `up builds ${tool.title} ${tool.version} with Go, which takes minutes` };
    throw new Error(`${tool.title} is missing, cannot be downloaded, and there is no Go to build it with`);
  });
}
