import { ensureTool } from './tool.ts';
import { endContext } from './end-context.ts';
import { EngineAccess } from './engine-access.ts';
import { findProgram } from './find-program.ts';
import { findStack } from './find-stack.ts';
import { openContext } from './open-context.ts';
import { prepareImages } from './prepare-images.ts';
import { givenStore } from './s3-server.ts';
import { S3_TOOL } from './s3-tool.ts';
import type { StackContext } from './stack-context.ts';
import type { StackOptions, Tools } from './stack-options.ts';
import { findOwner } from './stack-owner.ts';
import { startEngine } from './start-engine.ts';
import { statePaths } from './state-directory.ts';
import { givenTemporal } from '../model/schema/connections.ts';
import { TEMPORAL_TOOL } from './temporal-tool.ts';
import { together } from './together.ts';

/**
 * Finds, installs or builds everything slow, side by side: Temporal, the S3 server, Docker Engine, and with it the base image
 * and the builder's image. A private engine is started for that and ended again. Safe to repeat; does nothing where the
 * stack runs already. @throws {SetupFailed} with what is missing, why, and what to type.
 */
export async function setUp(options: StackOptions): Promise<Tools> {
  if (await runsAlready(options.stateDirectory)) return findTools(options);
  const context = await openContext(options);
  let engine: string | undefined;
  try {
    const [temporal, versitygw] = await together(options.signal, (signal) => {
      const part: StackContext = { ...context, options: { ...options, signal } };
      return [
        givenTemporal(options.env) ? Promise.resolve(undefined) : ensureTool(TEMPORAL_TOOL, part.options),
        givenStore(options.env) ? Promise.resolve(undefined) : ensureTool(S3_TOOL, part.options),
        startEngine(part).then(async ({ address, isPrivate }) => {
          // In an engine that others use too, nothing was made that must go.
          if (isPrivate) engine = address;
          await prepareImages(address, part);
        }),
      ];
    });
    return { temporal, versitygw, dockerd: await findProgram('dockerd', options.env) };
  } finally {
    await endContext(context, engine);
  }
}

/** A stack that runs was set up. */
async function runsAlready(stateDirectory: string): Promise<boolean> {
  const connections = await findStack(stateDirectory);
  if (!connections || !(await findOwner(statePaths(stateDirectory)))) return false;
  return new EngineAccess(connections.runnerEngine).version(5_000).then(
    () => true,
    () => false,
  );
}

async function findTools(options: StackOptions): Promise<Tools> {
  return {
    temporal: givenTemporal(options.env) ? undefined : await ensureTool(TEMPORAL_TOOL, options),
    versitygw: givenStore(options.env) ? undefined : await ensureTool(S3_TOOL, options),
    dockerd: await findProgram('dockerd', options.env),
  };
}
