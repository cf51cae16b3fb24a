import { z } from 'zod';
import type { Archive } from './read-archive.ts';

/** A JSON document of an archive. @throws {TypeError} when it is absent, large, no JSON or of another shape. */
export function parseDocument<T>(archive: Archive, path: string, schema: z.ZodType<T>): T {
  const text = archive.document(path).toString('utf8');
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new TypeError(`${path} is no JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = schema.safeParse(document);
  if (!parsed.success) throw new TypeError(`${path}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
