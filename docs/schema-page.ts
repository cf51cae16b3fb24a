import { slipwayJsonSchema } from '../plan/json-schema.ts';

/** The text of docs/slipway.schema.json, by which editors complete and check a slipway.yml. */
export function schemaPage(): string {
  return `${JSON.stringify(slipwayJsonSchema(), null, 2)}\n`;
}
