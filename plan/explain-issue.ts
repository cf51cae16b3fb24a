import type { z } from 'zod';
import { imageFormSchema } from '../model/schema/task.ts';
import { chosenImageForm, expectation, fieldsOf, schemaAt } from './expectation.ts';
import { neighbourHint, wordPlace } from './field-words.ts';
import { fileSchema } from './file-schema.ts';
import type { Nearest } from '../model/nearest.ts';
import type { YamlSource } from './read-yaml.ts';
import { shorten } from '../model/shorten.ts';
import { describeValue, isRecord, valueAt } from './values.ts';
import type { YamlPath } from './yaml-positions.ts';

export interface Explained {
  readonly path: YamlPath;
  readonly at: 'key' | 'value';
  readonly message: string;
  readonly hint?: string | undefined;
}

export interface ExplainContext {
  readonly root: unknown;
  readonly source: YamlSource;
  readonly nearest: Nearest;
}

type Issue = z.core.$ZodIssue;

/** Turns what zod says of a value into findings: what was expected at this place, what stands there, what would be right. */
export function explainIssue(issue: Issue, context: ExplainContext): Explained[] {
  const path = issue.path.map((segment) => (typeof segment === 'symbol' ? String(segment) : segment));
  const value = valueAt(context.root, path);
  if (path.length === 1 && path[0] === 'version') return [explainVersion(value, context.source)];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => explainUnknown(path, key, context));
  }
  if (value === undefined && issue.code !== 'invalid_key') return [explainMissing(path, context)];
  if (issue.code === 'invalid_union') {
    if (path.at(-1) === 'image' && isRecord(value)) {
      const mistake = explainImageForm(path, value, context);
      if (mistake) return [mistake];
    }
    const inner = fittingBranch(issue.errors, path, value);
    if (inner) {
      return inner.flatMap((one) => explainIssue({ ...one, path: [...path, ...one.path] }, context));
    }
  }
  const name = fieldName(path);
  if (issue.code === 'invalid_key') {
    const detail = issue.issues[0]?.message ?? 'is not allowed';
    return [{ path, at: 'key', message: `${name} ${detail}` }];
  }
  if (issue.code === 'invalid_format') {
    return [{ path, at: 'value', message: `${name} ${issue.message}, not "${shorten(String(value))}"` }];
  }
  if (issue.code === 'too_small' || issue.code === 'too_big') {
    return [{ path, at: 'value', message: explainRange(issue, name, value) }];
  }
  return [explainType(path, name, value, context)];
}

function explainVersion(value: unknown, source: YamlSource): Explained {
  const path = ['version'];
  const hint = 'write "version: 1"';
  if (!source.has(path)) return { path: [], at: 'value', message: 'version is missing', hint };
  return {
    path,
    at: 'value',
    message: `version must be the number 1, which is all that this Slipway reads, not ${describeValue(value)}`,
    hint,
  };
}

function explainUnknown(path: YamlPath, key: string, context: ExplainContext): Explained {
  const fields = fieldsOf(schemaAt(fileSchema, path, context.root));
  const isExtension = key.startsWith('x-') && path.length > 0;
  const hint = isExtension
    ? '"x-" members belong at the top level'
    : (neighbourHint(wordPlace(path), key) ?? context.nearest.hint(key, fields));
  return {
    path: [...path, key],
    at: 'key',
    message: `unknown field "${shorten(key)}" in ${placeName(path)}`,
    hint: hint ?? `known: ${[...fields].join(', ')}`,
  };
}

function explainMissing(path: YamlPath, { root }: ExplainContext): Explained {
  const owner = path.slice(0, -1);
  const schema = schemaAt(fileSchema, path, root);
  return {
    path: owner,
    at: 'key',
    message: `${placeName(owner)} has no "${String(path.at(-1))}"`,
    hint: `write "${String(path.at(-1))}": ${lowerFirst(schema?.description ?? expectation(schema, path))}`,
  };
}

/** Says that an image is of no form at all, or of none that is known. */
function explainImageForm(
  path: YamlPath,
  value: Readonly<Record<string, unknown>>,
  { nearest }: ExplainContext,
): Explained | undefined {
  if (chosenImageForm(value)) return undefined;
  const name = fieldName(path);
  const types = new Set(['docker-image', 'task-image', 'indexed-image']);
  const { type } = value;
  if (type !== undefined) {
    const message = `${name}.type must be one of ${[...types].join(', ')}, not ${describeValue(type)}`;
    const found = typeof type === 'string' ? nearest.find(type, types) : undefined;
    return { path: [...path, 'type'], at: 'value', message, hint: found && `did you mean "${found}"?` };
  }
  // What is to be left out says nothing of the form.
  const hints = Object.keys(value)
    .map((key) => neighbourHint('taskImage', key))
    .filter((hint) => hint?.startsWith('write'));
  return {
    path,
    at: 'value',
    message: `${name} has neither "in-tree" nor "type"`,
    hint: hints[0] ?? 'write {in-tree: NAME} or {type: docker-image, name: NAME}',
  };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function explainRange(
  issue: Extract<Issue, { code: 'too_small' | 'too_big' }>,
  name: string,
  value: unknown,
): string {
  if (value === '') return `${name} is empty`;
  if (issue.code === 'too_big')
    return `${name} must be at most ${issue.maximum}, not ${describeValue(value)}`;
  const bound = issue.inclusive === false ? `more than ${issue.minimum}` : `at least ${issue.minimum}`;
  return `${name} must be ${bound}, not ${describeValue(value)}`;
}

function explainType(path: YamlPath, name: string, value: unknown, context: ExplainContext): Explained {
  const expected = expectation(schemaAt(fileSchema, path, context.root), path);
  return {
    path,
    at: 'value',
    message: `${name} must be ${expected}, not ${describeValue(value)}`,
    hint: typeHint(path, expected, value, context),
  };
}

function typeHint(
  path: YamlPath,
  expected: string,
  value: unknown,
  { source, nearest }: ExplainContext,
): string | undefined {
  const isScalarValue = typeof value === 'number' || typeof value === 'boolean';
  if (typeof value === 'number' && isSize(path) && value < LEAST_BYTES)
    return `write it with its unit: "${value}${value < 64 ? 'g' : 'm'}"`;
  if (isScalarValue && /\btext\b/.test(expected))
    return `quote it: "${source.writtenAt(path) ?? String(value)}"`;
  if (expected === 'a text' && isTextWithColon(path, value)) return 'quote the text: ": " in it begins a map';
  if (typeof value === 'string' && expected.startsWith('a list'))
    return `write ["${shorten(value.replaceAll('"', '\\"'))}"]`;
  if (typeof value === 'string' && expected.startsWith('one of')) {
    const known = new Set(expected.replace('one of ', '').split(', '));
    const found = nearest.find(value, known);
    return found === undefined ? undefined : `did you mean "${found}"?`;
  }
  if (value === null && expected.startsWith('a map') && mayBeEmpty(path))
    return 'write {} or leave the field out';
  if (value === null && expected === 'a list') return 'write [] or leave the field out';
  if (value === null && expected === 'a text') return 'write "" if the empty text is meant';
  if (Array.isArray(value) && expected.startsWith('a map'))
    return 'write "name: value" without "-" before it';
  return undefined;
}

/** Whether a text without quotes has become a map: `- echo done: all`. */
function isTextWithColon(path: YamlPath, value: unknown): boolean {
  const [key, ...more] = isRecord(value) ? Object.keys(value) : [];
  return key !== undefined && more.length === 0 && (key.includes(' ') || path.includes('command'));
}

/** No size that anybody means in bytes is less. */
const LEAST_BYTES = 65_536;

function isSize(path: YamlPath): boolean {
  return path.at(-2) === 'resources' && ['memory', 'disk', 'shm'].includes(String(path.at(-1)));
}

/** Tasks and images themselves need something in them, and so does a decision program. */
function mayBeEmpty(path: YamlPath): boolean {
  if (path[0] === 'decision') return path.length > 1;
  return path.length !== 2 || path[0] === 'defaults';
}

/** The branch of a union that the author meant, if the value says which: its own issues tell more than the union. */
function fittingBranch(
  errors: readonly (readonly Issue[])[],
  path: YamlPath,
  value: unknown,
): readonly Issue[] | undefined {
  if (path.at(-1) === 'image' && isRecord(value)) {
    const chosen = chosenImageForm(value);
    return chosen && errors[imageFormSchema.options.indexOf(chosen)];
  }
  return errors.find((issues) => issues.length > 0 && !issues.some(isOfAnotherType));
}

function isOfAnotherType(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  return (issue.code === 'invalid_type' && issue.expected !== 'int') || issue.code === 'invalid_value';
}

/** The owner of a field as people call it: `task "unit"`, `artifact "public/x"`. */
function placeName(path: YamlPath): string {
  if (path.length === 0) return 'the file';
  if (path.length === 1) return `"${path[0]}"`;
  if (path.length === 2 && path[0] === 'tasks') return `task "${path[1]}"`;
  if (path.length === 2 && path[0] === 'images') return `image "${path[1]}"`;
  return `"${fieldName(path)}"`;
}

/** A field below its task, image or `defaults`: `env.CI`, `dependencies[0]`. */
function fieldName(path: YamlPath): string {
  const isNamed = path[0] === 'tasks' || path[0] === 'images';
  const inside = path.slice(isNamed ? 2 : path[0] === 'defaults' ? 1 : 0);
  if (inside.length === 0) return placeName(path);
  return inside
    .map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${shorten(segment)}`))
    .join('')
    .replace(/^\./, '');
}
