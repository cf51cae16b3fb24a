import { z } from 'zod';
import { LABEL_MAX_LENGTH, LABEL_PATTERN, NAME_PATTERN } from '../model/pure/ids.ts';
import { fileSchema } from './file-schema.ts';

/** The JSON Schema (draft 7, which editors know longest) of slipway.yml, for editors: completion, descriptions and most mistakes of shape. */
export function slipwayJsonSchema(): Record<string, unknown> {
  const { properties, ...schema } = z.toJSONSchema(fileSchema, { io: 'input', target: 'draft-7' });
  return {
    ...schema,
    title: 'slipway.yml',
    properties: {
      ...properties,
      images: { ...asObject(properties?.['images']), propertyNames: { pattern: NAME_PATTERN.source } },
      tasks: {
        ...asObject(properties?.['tasks']),
        propertyNames: { pattern: LABEL_PATTERN.source, maxLength: LABEL_MAX_LENGTH },
      },
    },
    // A place for anchors.
    patternProperties: { '^x-': {} },
  };
}

function asObject(schema: unknown): object {
  return typeof schema === 'object' && schema !== null ? schema : {};
}
