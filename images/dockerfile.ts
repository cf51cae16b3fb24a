import { DockerfileParser } from 'dockerfile-ast';
import type { From, Instruction, ModifiableInstruction, PropertyInstruction } from 'dockerfile-ast';
import type { Problem } from './special-comments.ts';

export interface DockerfileBases {
  /** Images from outside that the build begins with or copies from, as written, each once, sorted. */
  readonly bases: readonly string[];
  /** Lines are those of the text that was given. */
  readonly problems: readonly Problem[];
}

export interface BasesOptions {
  /** Build arguments; they go before the defaults of `ARG`. */
  readonly args: Readonly<Record<string, string>>;
  /** Where the image shall run, for example linux/amd64. */
  readonly platform?: string | undefined;
  /** What stands for the parent image, which is no base; undefined when the image has none. */
  readonly parentReference?: string | undefined;
}

const SCRATCH = 'scratch';
/** Characters and form of a reference; whether there is such an image, only the engine knows. */
const REFERENCE =
  /^[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+)?(\/[a-z0-9][a-z0-9._-]*)*(:[\w][\w.-]{0,127})?(@[a-z0-9+._-]+:[0-9a-f]{32,})?$/;
const VARIABLE = /\\(.)|\$(?:\{([A-Za-z_]\w*)(?:(:?[-+?])([^}]*))?\}|([A-Za-z_]\w*))/g;

/**
 * Finds the bases of a Dockerfile: every FROM, COPY --from and RUN --mount=from= that is not a stage, the parent image or `scratch`.
 * Variables in FROM are those of the ARGs before the first FROM, as in Docker.
 */
export function findBases(dockerfile: string, options: BasesOptions): DockerfileBases {
  const bases = new Set<string>();
  const problems: Problem[] = [];
  const stages = new Set<string>();
  const variables = new Map(Object.entries(platformVariables(options.platform)));
  let stageCount = 0;

  const add = (reference: string, problemAt: Pick<Problem, 'line' | 'column'>): void => {
    if (reference === SCRATCH || reference === options.parentReference) return;
    if (stages.has(reference.toLowerCase())) return;
    if (REFERENCE.test(reference)) bases.add(reference);
    else problems.push({ ...problemAt, message: `"${reference}" is not the name of an image` });
  };

  for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
    const keyword = instruction.getKeyword();
    if (keyword === 'ARG' && stageCount === 0)
      declare(instruction as PropertyInstruction, variables, options);
    if (keyword === 'FROM') {
      const from = instruction as From;
      const place = placeOf(from);
      const image = expand(from.getImage() ?? '', variables);
      const wanted = from.getPlatformFlag()?.getValue();
      const platform = wanted === undefined || wanted === null ? undefined : expand(wanted, variables).text;
      if (platform !== undefined && options.platform && !isSamePlatform(platform, options.platform))
        problems.push({ ...place, ...otherPlatform(platform, options.platform) });
      if (image.unset !== undefined) problems.push({ ...place, ...withoutValue(image.unset) });
      else if (image.text === '') problems.push({ ...place, message: 'FROM names no image' });
      else add(image.text, place);
      stages.add(String(stageCount));
      stageCount += 1;
      const stage = from.getBuildStage();
      if (stage) stages.add(stage.toLowerCase());
    }
    if (keyword === 'COPY' || keyword === 'RUN')
      for (const source of sourcesOf(instruction as ModifiableInstruction)) {
        if (source.includes('$')) problems.push({ ...placeOf(instruction), ...noVariables(source) });
        else add(source, placeOf(instruction));
      }
  }
  return { bases: [...bases].sort(), problems };
}

/** What `from=` names in the flags of a COPY or RUN. */
function sourcesOf(instruction: ModifiableInstruction): string[] {
  return instruction.getFlags().flatMap((flag) => {
    if (flag.getName() === 'from') return flag.getValue() ?? [];
    if (flag.getName() !== 'mount') return [];
    const from = /(?:^|,)from=([^,]+)/i.exec(flag.getValue() ?? '');
    return from?.[1] ?? [];
  });
}

/** Sets what an ARG before the first FROM gives a variable. */
export function declare(
  arg: PropertyInstruction,
  variables: Map<string, string>,
  options: BasesOptions,
): void {
  for (const property of arg.getProperties()) {
    const name = property.getName();
    const parent = name === 'DOCKER_IMAGE_PARENT' ? options.parentReference : undefined;
    const value = parent ?? (Object.hasOwn(options.args, name) ? options.args[name] : undefined);
    const fallback = property.getValue();
    if (value !== undefined) variables.set(name, value);
    else if (fallback !== null) variables.set(name, expand(fallback, variables).text);
  }
}

/** Replaces `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}`; `unset` names the first variable without a value. */
export function expand(
  text: string,
  variables: ReadonlyMap<string, string>,
): { readonly text: string; readonly unset?: string } {
  let unset: string | undefined;
  const expanded = text.replace(
    VARIABLE,
    (_, escaped?: string, braced?: string, operator?: string, word?: string, plain?: string) => {
      if (escaped !== undefined) return escaped;
      const name = braced ?? plain ?? '';
      const value = variables.get(name);
      const counts = value !== undefined && !(operator?.startsWith(':') && value === '');
      const other = (): string => expand(word ?? '', variables).text;
      if (operator?.endsWith('+')) return counts ? other() : '';
      if (counts) return value;
      if (operator?.endsWith('-')) return other();
      unset ??= name;
      return '';
    },
  );
  return unset === undefined ? { text: expanded } : { text: expanded, unset };
}

/** Variables that every engine sets by itself for FROM. */
export function platformVariables(platform: string | undefined): Record<string, string> {
  const [os, arch, variant = ''] = platform?.split('/') ?? [];
  if (!platform || !os || !arch) return {};
  const values = { PLATFORM: platform, OS: os, ARCH: arch, VARIANT: variant };
  return Object.fromEntries(
    ['TARGET', 'BUILD'].flatMap((side) =>
      Object.entries(values).map(([name, value]) => [`${side}${name}`, value]),
    ),
  );
}

/** Names that Docker takes for the same. */
function isSamePlatform(a: string, b: string): boolean {
  return normalPlatform(a) === normalPlatform(b);
}

function normalPlatform(platform: string): string {
  const [os, arch = '', variant] = platform.includes('/') ? platform.split('/') : ['linux', platform];
  const known = arch.replace(/^x86[_-]64$/, 'amd64').replace(/^aarch64$/, 'arm64');
  return [os, known, ...(variant && !(known === 'arm64' && variant === 'v8') ? [variant] : [])].join('/');
}

/** Bases are recorded for the platform of the image; of another one the engine would fetch them from outside. */
function otherPlatform(platform: string, own: string): Pick<Problem, 'message' | 'hint'> {
  return {
    message: `FROM is for platform ${platform}, the image for ${own}`,
    hint: `leave "--platform" out, or give the image "platform: ${platform}" in slipway.yml`,
  };
}

function placeOf(instruction: Instruction): Pick<Problem, 'line' | 'column'> {
  const { start } = instruction.getRange();
  return { line: start.line + 1, column: start.character + 1 };
}

function withoutValue(name: string): Pick<Problem, 'message' | 'hint'> {
  return name === 'DOCKER_IMAGE_PARENT'
    ? {
        message: 'FROM names $DOCKER_IMAGE_PARENT, which has no value',
        hint: 'write "ARG DOCKER_IMAGE_PARENT" before it and give the image a "parent" in slipway.yml',
      }
    : {
        message: `FROM names $${name}, which has no value`,
        hint: `write "ARG ${name}=default" before the first FROM, or "ARG ${name}" there and ${name} under "args" in slipway.yml`,
      };
}

function noVariables(source: string): Pick<Problem, 'message' | 'hint'> {
  return {
    message: `"--from" and "from=" take no variables (${source})`,
    hint: 'write "FROM image AS name" and copy from that stage',
  };
}
