import { isOwnName } from '../model/engine-names.ts';
import { shorten } from '../model/shorten.ts';
import { outlineDockerfile } from './dockerfile-outline.ts';
import type { DockerfileOutline } from './dockerfile-outline.ts';
import { splitFlags, splitFrom, splitWords } from './instruction-words.ts';
import type { Flag } from './instruction-words.ts';
import type { Place, Problem } from './special-comments.ts';
import { MAX_EXPANDED_CHARACTERS, Variables } from './variables.ts';

export interface DockerfileBases {
  /** Images from outside that the build begins with or copies from, as written, each once, sorted. */
  readonly bases: readonly string[];
  /** Each place that names one. */
  readonly uses: readonly BaseUse[];
  readonly stages: readonly Stage[];
  /** Whether a stage begins with the parent image, or takes files of it. */
  readonly usesParent: boolean;
  /** Each FROM that names the parent image. */
  readonly parentStages: readonly Place[];
  /** Lines are those of the text that was given. */
  readonly problems: readonly Problem[];
}

export interface BaseUse extends Place {
  readonly reference: string;
  /** Otherwise by `from=`. */
  readonly isStage: boolean;
}

export interface Stage extends Place {
  /** In small letters, which is how it is looked for. */
  readonly name: string | undefined;
}

export interface BasesOptions {
  /** Build arguments; they go before the defaults of `ARG`. */
  readonly args: Readonly<Record<string, string>>;
  /** Where the image shall run, for example linux/amd64. */
  readonly platform?: string | undefined;
  /** What stands for the parent image, which is no base; undefined when the image has none. */
  readonly parentReference?: string | undefined;
}

export const NO_BASES: DockerfileBases = {
  bases: [],
  uses: [],
  stages: [],
  usesParent: false,
  parentStages: [],
  problems: [],
};

const SCRATCH = 'scratch';
/** Characters and form of a reference; whether there is such an image, only the engine knows. */
const REFERENCE =
  /^[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+)?(\/[a-z0-9][a-z0-9._-]*)*(:[\w][\w.-]{0,127})?(@[a-z0-9+._-]+:[0-9a-f]{32,})?$/;
/** Capitals are for registries and tags. */
const NO_REPOSITORY = /^[\w.-]*[A-Z][\w.-]*(?::[\w.-]*)?(?:@.*)?$/;
const LONGEST_SHOWN = 200;

/**
 * Finds the bases of a Dockerfile: every FROM, COPY --from and RUN --mount=from= that is not a stage, the parent image or `scratch`.
 * Variables in FROM are those of the ARGs before the first FROM, as in Docker.
 */
export function findBases(dockerfile: string, options: BasesOptions): DockerfileBases {
  const bases = new Set<string>();
  const uses: BaseUse[] = [];
  const problems: Problem[] = [];
  const stages: Stage[] = [];
  const parentStages: Place[] = [];
  const names = new Set<string>();
  const outline = outlineDockerfile(dockerfile);
  const variables = new Variables(platformVariables(options.platform), outline.escape);
  let usesParent = false;

  const add = (reference: string, place: Place, isStage: boolean): void => {
    if (reference === options.parentReference) {
      usesParent = true;
      if (isStage) parentStages.push(place);
    }
    if (reference === SCRATCH || reference === options.parentReference) return;
    if (names.has(reference.toLowerCase())) return;
    if (isStage && NO_REPOSITORY.test(reference))
      problems.push({
        ...place,
        message: `"${shorten(reference, LONGEST_SHOWN)}" is not the name of an image`,
        hint: `did you mean "${shorten(
          reference.replace(/^[^:@]+/, (name) => name.toLowerCase()),
          LONGEST_SHOWN,
        )}"?`,
      });
    else if (isOwnName(reference))
      problems.push({
        ...place,
        message: `"${shorten(reference, LONGEST_SHOWN)}" is a name that only Slipway gives, and nobody can ask for`,
      });
    else if (REFERENCE.test(reference)) {
      bases.add(reference);
      uses.push({ ...place, reference, isStage });
    } else
      problems.push({
        ...place,
        message: `"${shorten(reference, LONGEST_SHOWN)}" is not the name of an image`,
      });
  };

  for (const { keyword, rest, ...place } of outline.instructions) {
    const { flags, operands } = splitFlags(rest, outline.escape);
    if (keyword === 'ARG' && stages.length === 0) {
      if (!declare(operands, variables, options)) return tooLong(place);
    }
    if (keyword === 'FROM') {
      const from = splitFrom(operands);
      // Its own number is none that a stage may copy from.
      if (stages.length > 0) names.add(String(stages.length - 1));
      const image = variables.expand(from.image);
      const wanted = flags.find(({ name }) => name === 'platform')?.value;
      const { text: platform, isTooLong } = wanted ? variables.expand(wanted) : {};
      if (image.isTooLong || isTooLong) return tooLong(place);
      if (platform !== undefined && options.platform && !isSamePlatform(platform, options.platform))
        problems.push({ ...place, ...otherPlatform(platform, options.platform) });
      if (image.unset !== undefined) problems.push({ ...place, ...withoutValue(image.unset) });
      else if (image.text === '') problems.push({ ...place, message: 'FROM names no image' });
      else add(image.text, place, true);
      if (from.name) names.add(from.name);
      stages.push({ ...place, name: from.name });
    }
    if (keyword === 'COPY' || keyword === 'RUN')
      for (const source of sourcesOf(flags)) {
        if (source.includes('$')) problems.push({ ...place, ...noVariables(source) });
        else add(source, place, false);
      }
  }
  problems.push(...unknownEnd(outline));
  return { bases: [...bases].sort(), uses, stages, usesParent, parentStages, problems };
}

/** Nothing else is said of it: what follows was not read. */
function tooLong(place: Place): DockerfileBases {
  const problem = {
    ...place,
    message: `variables expand to more than ${MAX_EXPANDED_CHARACTERS} characters`,
    hint: 'let fewer of them name each other',
  };
  return { ...NO_BASES, problems: [problem] };
}

/** What is left out may matter: nothing is hashed without it. */
function unknownEnd({ instructions, unread }: DockerfileOutline): Problem[] {
  const last = instructions.at(-1);
  if (!last || !unread.some((line) => /from/i.test(line))) return [];
  const { keyword, line, column } = last;
  return [
    {
      line,
      column,
      message: `it cannot be told where this ${keyword} ends, and images may be named after it`,
      hint: 'close quotes in the line where they open, and end a here-document by a line that holds its name and nothing else',
    },
  ];
}

/** What `from=` names in the flags of a COPY or RUN. */
function sourcesOf(flags: readonly Flag[]): string[] {
  return flags.flatMap(({ name, value }) => {
    if (name === 'from') return value ?? [];
    if (name !== 'mount') return [];
    const from = /(?:^|,)"?from=([^,"]+)/i.exec(value ?? '');
    return from?.[1] ?? [];
  });
}

/** Sets what an ARG before the first FROM gives its variables; false when that is too long. */
export function declare(operands: string, variables: Variables, options: BasesOptions): boolean {
  for (const word of splitWords(operands, variables.escape).words) {
    const [name = ''] = word.split('=', 1);
    const parent = name === 'DOCKER_IMAGE_PARENT' ? options.parentReference : undefined;
    const value = parent ?? (Object.hasOwn(options.args, name) ? options.args[name] : undefined);
    if (value !== undefined) variables.set(name, value);
    if (value !== undefined || name === word) continue;
    const { text, isTooLong } = variables.expand(word.slice(name.length + 1));
    if (isTooLong) return false;
    variables.set(name, text);
  }
  return true;
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
    message: `FROM is for platform ${shorten(platform, LONGEST_SHOWN)}, the image for ${own}`,
    hint: `leave "--platform" out, or give the image "platform: ${shorten(platform, LONGEST_SHOWN)}" in slipway.yml`,
  };
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
