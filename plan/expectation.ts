import { z } from 'zod';
import { imageFormSchema } from '../model/schema/task.ts';
import { isRecord, ownValue, valueAt } from './values.ts';
import type { YamlPath } from './yaml-positions.ts';

const DURATION = 'a duration: seconds, or words such as "30 days"';

/** Fields whose types alone do not say what to write. */
const BY_FIELD: Readonly<Record<string, string>> = {
  maxRunTime: DURATION,
  deadline: DURATION,
  expires: DURATION,
  'rebuild-after': DURATION,
  checkout: 'an absolute path, false, or a map such as {path: /src, git: true}',
  user: 'a user, or user:group, by names or numbers',
  command: 'a list of texts, or one text that sh runs',
  image:
    'a name such as debian:bookworm, {in-tree: NAME}, or a map with "type" docker-image, task-image or indexed-image',
};

/** What a value at this place must be, in the words of people. */
export function expectation(schema: z.ZodType | undefined, path: YamlPath = []): string {
  const special = isFreeName(path) ? undefined : ownValue(BY_FIELD, String(path.at(-1)));
  if (special) return special;
  if (!schema) return 'something else';
  const inner = unwrapped(schema);
  if (inner instanceof z.ZodString) return 'a text';
  if (inner instanceof z.ZodNumber) return inner.isInt ? 'a whole number' : 'a number';
  if (inner instanceof z.ZodBoolean) return 'true or false';
  if (inner instanceof z.ZodEnum) return `one of ${inner.options.join(', ')}`;
  if (inner instanceof z.ZodLiteral) return [...inner.values].map(String).join(' or ');
  if (inner instanceof z.ZodArray) return 'a list';
  if (inner instanceof z.ZodObject || inner instanceof z.ZodRecord) return 'a map';
  if (inner instanceof z.ZodUnion)
    return inner.options.map((option) => expectation(option as z.ZodType)).join(' or ');
  return 'something else';
}

/** The schema of a path. Where there is a choice, the value says which branch is meant. */
export function schemaAt(schema: z.ZodType, path: YamlPath, root?: unknown): z.ZodType | undefined {
  let current: z.ZodType | undefined = schema;
  for (const [depth, segment] of path.entries()) {
    if (!current) return undefined;
    current = childOf(unwrapped(current), segment, valueAt(root, path.slice(0, depth)));
  }
  const found = current && unwrapped(current);
  if (found instanceof z.ZodUnion && isRecord(valueAt(root, path)))
    return objectBranch(found, valueAt(root, path)) ?? found;
  return found;
}

/** Names of the fields of an object schema. */
export function fieldsOf(schema: z.ZodType | undefined): ReadonlySet<string> {
  const inner = schema && unwrapped(schema);
  return new Set(inner instanceof z.ZodObject ? Object.keys(inner.shape) : []);
}

function childOf(schema: z.ZodType, segment: string | number, value: unknown): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) return schema.shape[segment] as z.ZodType | undefined;
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType;
  if (schema instanceof z.ZodUnion) {
    const array = schema.options.find((option) => option instanceof z.ZodArray);
    if (typeof segment === 'number' && array) return array.element as z.ZodType;
    const branch = objectBranch(schema, value);
    return branch && childOf(branch, segment, value);
  }
  return undefined;
}

function objectBranch(union: z.ZodUnion, value: unknown): z.ZodType | undefined {
  if (union === (imageFormSchema as unknown)) return isRecord(value) ? chosenImageForm(value) : undefined;
  return union.options.find((option) => option instanceof z.ZodObject || option instanceof z.ZodRecord);
}

/** The form of an image that a map is meant to have: with `in-tree` that one, else by its `type`. */
export function chosenImageForm(
  value: Readonly<Record<string, unknown>>,
): (typeof imageFormSchema.options)[number] | undefined {
  return imageFormSchema.options.find((option) => {
    if (!(option instanceof z.ZodObject)) return false;
    if (Object.hasOwn(value, 'in-tree')) return 'in-tree' in option.shape;
    return 'type' in option.shape && option.shape.type.safeParse(value['type']).success;
  });
}

function unwrapped(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional ? unwrapped(schema.unwrap() as z.ZodType) : schema;
}

const MAPS_OF_NAMES: ReadonlySet<string | number | undefined> = new Set([
  'env',
  'args',
  'artifacts',
  'inputs',
  'features',
  'cache',
  'capabilities',
  'secrets',
]);

/** Whether the last segment is a name of the author's own, not a field. */
function isFreeName(path: YamlPath): boolean {
  const isNamed = path[0] === 'tasks' || path[0] === 'images';
  const inside = path.slice(isNamed ? 2 : 1);
  return isNamed && inside.length === 0
    ? path.length === 2
    : inside.length === 2 && MAPS_OF_NAMES.has(inside[0]);
}
