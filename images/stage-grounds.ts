import { declare, platformVariables } from './dockerfile.ts';
import type { BasesOptions } from './dockerfile.ts';
import { outlineDockerfile } from './dockerfile-outline.ts';
import { splitFlags, splitFrom } from './instruction-words.ts';
import type { Flag } from './instruction-words.ts';
import { Variables } from './variables.ts';

/** Follows which image is under each stage of a Dockerfile, through stages that begin with others. */
class StageGrounds {
  readonly #grounds = new Map<string, string | undefined>();
  #count = 0;

  /** Begins the next stage, with an image or a stage; gives the image under it, undefined where there is none. */
  begin(from: string, name: string | undefined): string | undefined {
    const known = from.toLowerCase();
    const none = known === 'scratch' ? undefined : from;
    const ground = this.#grounds.has(known) ? this.#grounds.get(known) : none;
    this.#grounds.set(String(this.#count), ground);
    this.#count += 1;
    if (name) this.#grounds.set(name, ground);
    return ground;
  }
}

export interface GroundedInstruction {
  readonly keyword: string;
  readonly flags: readonly Flag[];
  /** The image under its stage; undefined for `scratch`, and before the first stage. */
  readonly ground: string | undefined;
}

/** The instructions of a Dockerfile in their order, each with the image that its stage stands on. */
export function* readGrounded(dockerfile: string, options: BasesOptions): Generator<GroundedInstruction> {
  const { instructions, escape } = outlineDockerfile(dockerfile);
  const variables = new Variables(platformVariables(options.platform), escape);
  const stages = new StageGrounds();
  let hasStages = false;
  let ground: string | undefined;
  for (const { keyword, rest } of instructions) {
    const { flags, operands } = splitFlags(rest, escape);
    if (keyword === 'ARG' && !hasStages) declare(operands, variables, options);
    if (keyword === 'FROM') {
      const { image, name } = splitFrom(operands);
      ground = stages.begin(variables.expand(image).text, name);
      hasStages = true;
    }
    yield { keyword, flags, ground };
  }
}

/** The image under the last stage of a Dockerfile, which is the stage that is built; undefined for `scratch`. */
export function findLastGround(dockerfile: string, options: BasesOptions): string | undefined {
  return [...readGrounded(dockerfile, options)].at(-1)?.ground;
}
