export type Fields = Readonly<Record<string, unknown>>;

export class BodyMistake extends Error {}

/** What of its own the engine could read otherwise than we do: such numbers are handed on as they were written. */
interface RawJson {
  rawJSON(text: string): unknown;
}

/** Parses a body; a number that does not fit is kept as its text. @throws {BodyMistake} */
export function parseBody(body: Buffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' && !Number.isSafeInteger(value) && context?.source !== undefined
        ? (JSON as unknown as RawJson).rawJSON(context.source)
        : value,
    );
  } catch (error) {
    throw new BodyMistake(`the body is no JSON: ${(error as Error).message}`);
  }
}

/**
 * The members of an object by their names in lower case, as the engine finds them: it takes `privileged` for `Privileged`. A
 * name that stands there twice, in whatever case, is refused: which one counts is the reader's choice.
 *
 * @throws {BodyMistake}
 */
export function fieldsOf(value: unknown, where: string): Fields {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new BodyMistake(`${where} is no object`);
  const fields: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, member] of Object.entries(value)) {
    // The engine folds letters beyond ASCII too (the Kelvin sign is a k): its own names have none.
    if (!/^[\x20-\x7e]*$/.test(name)) throw new BodyMistake(`${where} has a member ${JSON.stringify(name)}`);
    const folded = name.toLowerCase();
    if (folded in fields) throw new BodyMistake(`${where} has ${JSON.stringify(name)} twice`);
    fields[folded] = member;
  }
  return fields;
}

/** The members of a list; one that is absent is empty. @throws {BodyMistake} */
export function listOf(value: unknown, where: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new BodyMistake(`${where} is no list`);
  return value;
}

/** Whether a value asks for nothing. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
