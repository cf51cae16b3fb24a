import { declare, platformVariables } from './dockerfile.ts';
import type { BasesOptions } from './dockerfile.ts';
import { outlineDockerfile } from './dockerfile-outline.ts';
import { splitFlags, splitFrom } from './instruction-words.ts';
import type { Flag } from './instruction-words.ts';
import { Variables } from './variables.ts';

export interface GroundedInstruction {
  readonly keyword: string;
  readonly flags: readonly Flag[];
  /** The image under its stage; undefined for `scratch`, and before the first stage. */
  readonly ground: string | undefined;
}

/** The instructions of a Dockerfile in their order, each with the image that its stage stands on, through stages that begin with others. */
export function* readGrounded(dockerfile: string, options: BasesOptions): Generator<GroundedInstruction> {
  const { instructions, escape } = outlineDockerfile(dockerfile);
  const variables = new Variables(platformVariables(options.platform), escape);
  /** The image under each stage, by its number and name. */
  const stages = new Map<string, string | undefined>();
  let stageCount = 0;
  let ground: string | undefined;
  for (const { keyword, rest } of instructions) {
    const { flags, operands } = splitFlags(rest, escape);
    if (keyword === 'ARG' && stageCount === 0) declare(operands, variables, options);
    if (keyword === 'FROM') {
      const from = splitFrom(operands);
      const image = variables.expand(from.image).text;
      const known = image.toLowerCase();
      const own = known === 'scratch' ? undefined : image;
      ground = stages.has(known) ? stages.get(known) : own;
      stages.set(String(stageCount), ground);
      stageCount += 1;
      if (from.name) stages.set(from.name, ground);
    }
    yield { keyword, flags, ground };
  }
}

/** The image under the last stage of a Dockerfile, which is the stage that is built; undefined for `scratch`. */
export function findLastGround(dockerfile: string, options: BasesOptions): string | undefined {
  return [...readGrounded(dockerfile, options)].at(-1)?.ground;
}
